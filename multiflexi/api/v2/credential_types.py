"""Credential types: kinds of credentials set up for a company, or for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.values import Texts, Value, shown
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import CredentialType, CredentialTypeValue
from multiflexi.services import (
    company,
    credential_fields,
    credential_prototype,
    credential_type,
    credential_type_copy,
    sealed_values,
)
from multiflexi.services.errors import Refused


class FieldForm(Plain):
    """A field of credentials of the type, with what the type sets for it."""

    keyword = serializers.CharField()
    type = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    required = serializers.BooleanField()
    secret = serializers.BooleanField()
    expiring = serializers.BooleanField()
    internal = serializers.BooleanField()
    options = serializers.JSONField()
    kind = serializers.CharField(allow_null=True)
    value = Value(allow_null=True)


class TypeRecord(Record):
    """A credential type; secrets of `set_values` go in and never come out."""

    company_id = serializers.IntegerField(min_value=1, allow_null=True, required=False)
    credential_prototype_id = serializers.IntegerField(min_value=1)
    fields_ = FieldForm(source="shown_fields", many=True, read_only=True)
    set_values = Texts(write_only=True, required=False, null=True)
    fixed = serializers.DictField(child=serializers.BooleanField(), write_only=True, required=False)

    class Meta:
        model = CredentialType
        fields: ClassVar = (
            "id",
            "uuid",
            "name",
            "company_id",
            "credential_prototype_id",
            "prototype",
            "version",
            "url",
            "logo",
            "gate_on_degraded",
            "fields_",
            "set_values",
            "fixed",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("uuid", "prototype", "version", "created_at", "updated_at")
        extra_kwargs: ClassVar = {"name": {"required": False}}

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        # A serializer's own attribute has this name.
        return {("fields" if name == "fields_" else name): one for name, one in found.items()}


class CopyForm(Plain):
    """The company that gets a type of its own."""

    company_id = serializers.IntegerField(min_value=1)
    name = serializers.CharField(required=False, max_length=255)


class CopiedForm(Plain):
    """The new type, and the secrets that have to be entered there."""

    id = serializers.IntegerField()
    left_out = serializers.ListField(child=serializers.CharField())


class CredentialTypes(Resource):
    """Types of the companies the caller is a member of, and those of all companies."""

    noun = credential_type.NOUN
    serializer_class = TypeRecord
    searched = ("name", "prototype")
    orderings: ClassVar = {"id": "pk", "name": "name", "prototype": "prototype", "company_id": "company_id"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "company": by.number("company_id", null=True),
        "prototype": by.text("prototype"),
        "name": by.text("name", part=True),
    }

    def rows(self) -> QuerySet[CredentialType]:
        return credential_type.query(self.actor).prefetch_related("values")

    def prepare(self, found: Sequence[Any]) -> None:
        fields = credential_fields.of_types(found)
        for kind in found:
            kind.shown_fields = _fields(kind, fields[kind.pk])

    def make(self, values: dict[str, Any]) -> CredentialType:
        given = dict(values)
        company_id = given.pop("company_id", None)
        return credential_type.create(
            self.actor,
            prototype=credential_prototype.find(self.actor, given.pop("credential_prototype_id")),
            company=company.find(self.actor, company_id) if company_id is not None else None,
            values=given.pop("set_values", None),
            **given,
        )

    def change(self, record: CredentialType, values: dict[str, Any]) -> None:
        given = dict(values)
        if given.pop("company_id", record.company_id) != record.company_id:
            raise Refused("A credential type stays with its company; copy it to the other one.", "foreign_company")
        number = given.pop("credential_prototype_id", record.credential_prototype_id)
        other = number != record.credential_prototype_id
        credential_type.update(
            self.actor,
            record,
            prototype=credential_prototype.find(self.actor, number) if other else None,
            values=given.pop("set_values", None),
            **given,
        )

    def take_away(self, record: CredentialType) -> None:
        credential_type.remove(self.actor, record)

    @extend_schema(request=CopyForm, responses={201: CopiedForm})
    def copy(self, request: Request, id: int) -> Response:
        given = self.given(CopyForm)
        target = company.find(self.actor, given["company_id"])
        done = credential_type_copy.copy(self.actor, self.one(id), target, name=given.get("name"))
        return Response({"id": done.kind.pk, "left_out": done.left_out}, status=201)


def _fields(kind: CredentialType, known: credential_fields.Fields) -> list[dict[str, Any]]:
    stored = {value.name: value for value in kind.values.all()}
    found = []
    for field in credential_fields.with_switches(known, stored).values():
        row = stored.get(field.keyname)
        found.append(
            {
                "keyword": field.keyname,
                "type": field.type,
                "name": field.name or field.keyname,
                "description": field.description,
                "required": field.required,
                "secret": field.secret,
                "expiring": field.expiring,
                "internal": field.internal,
                "options": field.options,
                "kind": row.kind if row else None,
                "value": shown(
                    row.value if row else None,
                    secret=field.secret or bool(row and row.is_encrypted),
                    opened=partial(_opened, row),
                ),
            }
        )
    return found


def _opened(row: CredentialTypeValue | None) -> str | None:
    return sealed_values.opened(row) if row else None


_ONE = "credential-types/<int:id>"
routes = (
    ("credential-types", CredentialTypes, {"get": "list", "post": "create"}),
    (_ONE, CredentialTypes, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    (f"{_ONE}/copy", CredentialTypes, {"post": "copy"}),
)
