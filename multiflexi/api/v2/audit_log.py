"""The audit trail."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import AuditEntry, AuditOutcome, AuditSeverity
from multiflexi.record.actor import Origin
from multiflexi.services import audit_trail


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


routes = (
    ("audit-log", AuditLog, {"get": "list"}),
    ("audit-log/<int:id>", AuditLog, {"get": "retrieve"}),
)
