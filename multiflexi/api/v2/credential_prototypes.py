"""Credential prototypes: kinds of credentials."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.app_parts import Imported
from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame import languages
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.values import Text, Value, shown
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import CredentialPrototype, CredentialPrototypeField
from multiflexi.services import credential_prototype, definitions
from multiflexi.vault.secrecy import is_secret_field


class PrototypeField(serializers.ModelSerializer[Any]):
    """A variable that credentials of the kind provide."""

    secret = serializers.SerializerMethodField()
    default = serializers.SerializerMethodField()
    options = serializers.JSONField(read_only=True)

    class Meta:
        model = CredentialPrototypeField
        fields: ClassVar = (
            "keyword",
            "type",
            "name",
            "description",
            "hint",
            "required",
            "secret",
            "expiring",
            "options",
            "default",
        )

    def get_secret(self, field: CredentialPrototypeField) -> bool:
        return is_secret_field(field.keyword, field.type, field.secret or None)

    @extend_schema_field(Value(allow_null=True))
    def get_default(self, field: CredentialPrototypeField) -> Any:
        return shown(field.default_value, secret=self.get_secret(field), opened=lambda: None)


class PrototypeRecord(Record):
    """A kind of credential; its fields come with its definition."""

    uuid = serializers.CharField(max_length=64, required=False)
    name = Text(max_length=255)
    description = Text(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    fields_ = PrototypeField(source="present_fields", many=True, read_only=True)

    class Meta:
        model = CredentialPrototype
        fields: ClassVar = (
            "id",
            "uuid",
            "code",
            "name",
            "description",
            "version",
            "url",
            "homepage",
            "logo",
            "tags",
            "fields_",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("created_at", "updated_at")

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        # A serializer's own attribute has this name.
        return {("fields" if name == "fields_" else name): one for name, one in found.items()}

    def to_representation(self, prototype: CredentialPrototype) -> Any:
        told = super().to_representation(prototype)
        language = self.context.get("language", languages.MAIN)
        if language != languages.MAIN:
            texts = list(prototype.translations.all())
            for name in ("name", "description"):
                if name in told:
                    told[name] = languages.text(told[name], texts, name, language)
        return told


class CredentialPrototypes(Resource):
    """Kinds of credentials, common to all companies."""

    noun = credential_prototype.NOUN
    serializer_class = PrototypeRecord
    searched = ("code", "name")
    orderings: ClassVar = {"id": "pk", "code": "code", "name": "name"}
    filters: ClassVar = {"id": by.number("pk"), "code": by.text("code"), "uuid": by.identity("uuid")}

    def rows(self) -> QuerySet[CredentialPrototype]:
        fields = CredentialPrototypeField.objects.filter(obsolete=False).order_by("position", "pk")
        return credential_prototype.query(self.actor).prefetch_related(
            "translations", Prefetch("fields", fields, to_attr="present_fields")
        )

    def make(self, values: dict[str, Any]) -> CredentialPrototype:
        return credential_prototype.create(self.actor, **values)

    def change(self, record: CredentialPrototype, values: dict[str, Any]) -> None:
        given = {name: one for name, one in values.items() if name != "uuid" or one}
        credential_prototype.update(self.actor, record, **given)

    def take_away(self, record: CredentialPrototype) -> None:
        definitions.delete_prototype(self.actor, record)

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={200: Imported, 201: Imported, (422, "application/json"): Imported},
        parameters=[OpenApiParameter(name, bool) for name in ("dry_run", "strict", "allow_downgrade")],
        operation_id="credential_prototypes_import",
    )
    def take_in(self, request: Request) -> Response:
        report = definitions.import_prototype(
            self.actor,
            json.dumps(request.data).encode(),
            "API",
            strict=self.flag("strict"),
            allow_downgrade=self.flag("allow_downgrade"),
            dry_run=self.flag("dry_run"),
        )
        created = report.result == "created" and not report.dry_run
        return Response(report.as_dict(), status=422 if not report.accepted else 201 if created else 200)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def export(self, request: Request, id: int) -> HttpResponse:
        prototype = self.one(id)
        headers = {
            "Content-Disposition": f'attachment; filename="{prototype.code}.multiflexi.json"',
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(definitions.export_prototype(prototype), content_type="application/json", headers=headers)


_ONE = "credential-prototypes/<int:id>"
routes = (
    ("credential-prototypes", CredentialPrototypes, {"get": "list", "post": "create"}),
    ("credential-prototypes/import", CredentialPrototypes, {"post": "take_in"}),
    (_ONE, CredentialPrototypes, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    (f"{_ONE}/export", CredentialPrototypes, {"get": "export"}),
)
