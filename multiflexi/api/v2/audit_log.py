"""The audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource, View
from multiflexi.models import AuditEntry, AuditOutcome, AuditSeverity
from multiflexi.record.actor import Origin
from multiflexi.services import audit_trail

TIMES = [OpenApiParameter(name, OpenApiTypes.DATETIME) for name in ("start", "end")]


class AuditRecord(Record):
    """Who did what, when, from where; secrets are keyed hashes."""

    changes = serializers.DictField(read_only=True, allow_null=True)
    additional_data = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEntry
        fields: ClassVar = (
            "id",
            "created_at",
            "user_id",
            "real_user_id",
            "token_id",
            "company_id",
            "event_type",
            "event_description",
            "entity_type",
            "entity_id",
            "action",
            "changes",
            "additional_data",
            "severity",
            "outcome",
            "origin",
            "request_id",
            "ip_address",
            "user_agent",
        )
        read_only_fields: ClassVar = fields


class AuditLog(Resource):
    """Entries of the companies one administers and of what one did oneself; for auditors all; the newest first."""

    noun = audit_trail.NOUN
    serializer_class = AuditRecord
    append_only = True
    default_order = ("-pk",)
    searched = ("event_description",)
    filters: ClassVar = {
        "id": by.number("pk", ranged=True),
        "user": by.number("user_id"),
        "token": by.number("token_id"),
        "company": by.number("company_id", null=True),
        "event_type": by.text("event_type"),
        "entity_type": by.text("entity_type"),
        "entity_id": by.number("entity_id"),
        "action": by.text("action"),
        "severity": by.choice("severity", AuditSeverity.values),
        "outcome": by.choice("outcome", AuditOutcome.values),
        "origin": by.choice("origin", Origin.values),
        "request_id": by.text("request_id"),
        "created_at": by.moment("created_at"),
    }

    def rows(self) -> QuerySet[AuditEntry]:
        return audit_trail.query(self.actor)


class Seal(Plain):
    """A link of the chain: noted elsewhere, it proves later that nobody rewrote the trail up to it."""

    id = serializers.IntegerField()
    hash = serializers.CharField(max_length=128)


class SealsForm(Plain):
    """Seals noted earlier, as an export or a verification told them."""

    seals = Seal(many=True, max_length=100_000)


class BrokenEntry(Plain):
    """An entry that is not as it was written, and in which way."""

    id = serializers.IntegerField()
    reason = serializers.CharField()


class Verified(Plain):
    """Whether the trail is as it was written; `unsealed` entries are committed and not chained yet."""

    valid = serializers.BooleanField()
    checked = serializers.IntegerField()
    unsealed = serializers.IntegerField()
    first = serializers.IntegerField(allow_null=True)
    last = serializers.IntegerField(allow_null=True)
    broken = BrokenEntry(many=True)
    seal = Seal(allow_null=True, help_text="The last link; note it where nobody can change it")


class AuditExport(Plain):
    """All entries of a time, the oldest first, and the seals of the whole trail."""

    entries = AuditRecord(many=True)
    seals = Seal(many=True)


class Proof(View):
    """The trail as evidence: whether it is whole, and a copy of it to keep elsewhere."""

    rate_scopes: ClassVar = {"verify": "bulk", "compare": "bulk", "export": "export"}

    @extend_schema(parameters=TIMES, responses=Verified, operation_id="audit_log_verify")
    def verify(self, request: Request) -> Response:
        return self._verified(None)

    @extend_schema(
        parameters=TIMES, request=SealsForm, responses=Verified, operation_id="audit_log_verify_against_seals"
    )
    def compare(self, request: Request) -> Response:
        return self._verified(audit_trail.noted_seals(self.given(SealsForm)))

    @extend_schema(parameters=TIMES, responses=AuditExport, operation_id="audit_log_export")
    def export(self, request: Request) -> StreamingHttpResponse:
        start, end = self._time("start"), self._time("end")
        entries = audit_trail.export(self.actor, start=start, end=end)
        headers = {
            "Content-Disposition": 'attachment; filename="audit-log.json"',
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingHttpResponse(_document(entries), content_type="application/json", headers=headers)

    def _verified(self, known: dict[int, str] | None) -> Response:
        found = audit_trail.verify(self.actor, start=self._time("start"), end=self._time("end"), known=known)
        return Response(
            {
                "valid": not found.broken,
                "checked": found.checked,
                "unsealed": found.unsealed,
                "first": found.first,
                "last": found.last,
                "broken": [one._asdict() for one in found.broken],
                "seal": {"id": found.seal[0], "hash": found.seal[1]} if found.seal else None,
            }
        )

    def _time(self, name: str) -> datetime | None:
        told = self.request.query_params.get(name)
        try:
            return None if told is None else by.instant(told)
        except ValueError as error:
            raise by.unusable(name, told or "", str(error)) from None


def _document(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """The export piece by piece, however long the trail is; one that was cut off is no JSON."""
    render = JSONRenderer().render
    yield b'{"entries": ['
    for number, one in enumerate(entries):
        yield (b",\n" if number else b"\n") + render(one)
    yield b'\n], "seals": ' + json.dumps(audit_trail.exported_seals()).encode() + b"}\n"


routes = (
    ("audit-log/verify", Proof, {"get": "verify", "post": "compare"}),
    ("audit-log/export", Proof, {"get": "export"}),
    ("audit-log", AuditLog, {"get": "list"}),
    ("audit-log/<int:id>", AuditLog, {"get": "retrieve"}),
)
