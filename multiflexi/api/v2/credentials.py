"""Credentials: values for run templates, whose secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.values import Texts, Value, shown
from multiflexi.api.v2.frame.views import Resource
from multiflexi.api.v2.named import NamedCompany, NamedCredentialType
from multiflexi.models import Availability, Credential, CredentialTypeValue, CredentialValue, TypeValueKind
from multiflexi.services import company, credential, credential_check, credential_fields, credential_type, sealed_values
from multiflexi.services.presenters.credential import checked

FORCE = OpenApiParameter("force", bool, description="Although active run templates use it")


class CredentialRecord(Record):
    """A credential. `values` are shown, of secrets only whether they are set; `set_values` are written, null
    clears."""

    expandable: ClassVar = {"credential_type": NamedCredentialType, "company": NamedCompany}

    company_id = serializers.IntegerField(min_value=1)
    credential_type_id = serializers.IntegerField(min_value=1)
    prototype = serializers.CharField(source="credential_type.prototype", read_only=True)
    values = serializers.SerializerMethodField()
    expires = serializers.SerializerMethodField()
    set_values = Texts(write_only=True, required=False, null=True)
    set_expires = serializers.DictField(
        child=serializers.DateTimeField(allow_null=True), write_only=True, required=False
    )

    class Meta:
        model = Credential
        fields: ClassVar = (
            "id",
            "name",
            "company_id",
            "credential_type_id",
            "prototype",
            "note",
            "version",
            "availability",
            "availability_message",
            "checked_at",
            "check_valid_until",
            "last_used_at",
            "values",
            "expires",
            "set_values",
            "set_expires",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = (
            "version",
            "availability",
            "availability_message",
            "checked_at",
            "check_valid_until",
            "last_used_at",
            "created_at",
            "updated_at",
        )
        extra_kwargs: ClassVar = {"name": {"required": False}}

    @extend_schema_field(serializers.DictField(child=Value(allow_null=True)))
    def get_values(self, one: Credential) -> dict[str, Any]:
        fields = getattr(one, "known_fields", {})
        rows: dict[str, CredentialValue | CredentialTypeValue] = {row.name: row for row in one.values.all()}
        rows |= {row.name: row for row in getattr(one.credential_type, "fixed_values", ())}
        return {
            name: _shown(rows.get(name), secret=field.secret) for name, field in fields.items() if not field.internal
        }

    @extend_schema_field(serializers.DictField(child=serializers.DateTimeField()))
    def get_expires(self, one: Credential) -> dict[str, Any]:
        return {row.name: row.expires_at for row in one.values.all() if row.expires_at}


class CheckForm(Plain):
    """What the last check said."""

    credential_id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(Availability.choices)
    message = serializers.CharField(allow_blank=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    details = serializers.DictField()


class Credentials(Resource):
    """Credentials of the companies the caller is a member of."""

    noun = credential.NOUN
    serializer_class = CredentialRecord
    searched = ("name", "note")
    orderings: ClassVar = {
        "id": "pk",
        "name": "name",
        "company_id": "company_id",
        "availability": "availability",
        "checked_at": "checked_at",
        "last_used_at": "last_used_at",
    }
    filters: ClassVar = {
        "id": by.number("pk"),
        "company": by.number("company_id"),
        "credential_type": by.number("credential_type_id"),
        "prototype": by.text("credential_type__prototype"),
        "runtemplate": by.number("assignments__runtemplate_id"),
        "name": by.text("name", part=True),
        "availability": by.choice("availability", Availability.values),
        "checked_at": by.moment("checked_at", null=True),
    }

    def rows(self) -> QuerySet[Credential]:
        fixed = CredentialTypeValue.objects.filter(kind=TypeValueKind.FIXED).order_by("name")
        return credential.query(self.actor).prefetch_related(
            "values", Prefetch("credential_type__values", fixed, to_attr="fixed_values")
        )

    def prepare(self, found: Sequence[Any]) -> None:
        kinds = {one.credential_type_id: one.credential_type for one in found}
        fields = credential_fields.of_types(list(kinds.values()))
        for one in found:
            one.known_fields = fields[one.credential_type_id]

    def make(self, values: dict[str, Any]) -> Credential:
        self._refuse_shown()
        _refuse_empty(values)
        return credential.create(
            self.actor,
            company=company.find(self.actor, values["company_id"]),
            kind=credential_type.find(self.actor, values["credential_type_id"]),
            name=values.get("name"),
            note=values.get("note"),
            values=values.get("set_values"),
            expires=values.get("set_expires"),
        )

    def change(self, record: Credential, values: dict[str, Any]) -> None:
        if self.request.method == "PATCH":
            self._refuse_shown()
        _refuse_empty(values, record)
        given = dict(values)
        company_id = given.pop("company_id", record.company_id)
        kind_id = given.pop("credential_type_id", record.credential_type_id)
        credential.update(
            self.actor,
            record,
            company=company.find(self.actor, company_id) if company_id != record.company_id else None,
            kind=credential_type.find(self.actor, kind_id) if kind_id != record.credential_type_id else None,
            values=given.pop("set_values", None),
            expires=given.pop("set_expires", None),
            **given,
        )

    def take_away(self, record: Credential) -> None:
        credential.remove(self.actor, record, force=self.flag("force"))

    def _refuse_shown(self) -> None:
        """Members that only show would be left out without a word; a whole record read before may hold them."""
        wrong = {
            name: _("It only shows; write set_%(name)s.") % {"name": name}
            for name in ("values", "expires")
            if name in self.request.data
        }
        if wrong:
            raise serializers.ValidationError(wrong)

    @extend_schema(
        request=None,
        responses=CheckForm,
        parameters=[OpenApiParameter("refresh", bool, description="Also when a check still counts")],
    )
    def check(self, request: Request, id: int) -> Response:
        (done,) = credential_check.check(self.actor, [self.one(id)], refresh=self.flag("refresh"))
        return Response(checked(done))


def _shown(row: CredentialValue | CredentialTypeValue | None, *, secret: bool) -> Any:
    hidden = secret or bool(row and row.is_encrypted)
    return shown(
        row.value if row else None,
        secret=hidden,
        opened=lambda: sealed_values.opened(row) if row else None,
        updated_at=getattr(row, "updated_at", None),
    )


def _refuse_empty(values: dict[str, Any], record: Credential | None = None) -> None:
    """An empty text for a secret would be taken for "unchanged" elsewhere; here null clears it."""
    fields = credential_fields.of_type(record.credential_type) if record else {}
    empty = [
        name
        for name, one in (values.get("set_values") or {}).items()
        if one == "" and (name not in fields or fields[name].secret)
    ]
    if empty:
        rule = _("A secret has no empty text; null clears it.")
        raise serializers.ValidationError({"set_values": dict.fromkeys(empty, rule)})


_ONE = "credentials/<int:id>"
routes = (
    ("credentials", Credentials, {"get": "list", "post": "create"}),
    (_ONE, Credentials, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    (f"{_ONE}/check", Credentials, {"post": "check"}),
)
