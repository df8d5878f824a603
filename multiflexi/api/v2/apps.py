"""Applications: what can be run, and their definitions."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.app_parts import Artifacts, Consumed, Declared, ExitCodes, Imported, Produced, Validated
from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame import languages
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.values import Text
from multiflexi.api.v2.frame.views import Resource
from multiflexi.http import images
from multiflexi.manifests import validation
from multiflexi.models import Application, Sandbox
from multiflexi.services import application, definitions, lookup

ORIGIN = "API"


class AppRecord(Record):
    """An application; texts in the language of the caller."""

    name = Text(max_length=255)
    title = Text(read_only=True, allow_null=True)
    description = Text(required=False, allow_blank=True)
    requirements = serializers.ListField(child=serializers.CharField(max_length=128), required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=128), required=False)
    uuid = serializers.CharField(max_length=64, required=False)
    code = serializers.CharField(max_length=32, required=False)

    class Meta:
        model = Application
        fields: ClassVar = (
            "id",
            "uuid",
            "code",
            "name",
            "title",
            "description",
            "enabled",
            "executable",
            "cmdparams",
            "setup",
            "deploy",
            "homepage",
            "requirements",
            "ociimage",
            "version",
            "tags",
            "resultfile",
            "image",
            "sandbox",
            "bool_style",
            "time_limit",
            "memory_limit_mb",
            "pids_limit",
            "file_limit_mb",
            "output_limit_mb",
            "cpu_limit",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("bool_style", "created_at", "updated_at")

    def to_representation(self, app: Application) -> Any:
        shown = super().to_representation(app)
        language = self.context.get("language", languages.MAIN)
        if language != languages.MAIN:
            texts = list(app.translations.all())
            for name in ("name", "title", "description"):
                if name in shown:
                    shown[name] = languages.text(shown[name], texts, name, language)
        return shown


class Apps(Resource):
    """Applications that are not retired."""

    noun = application.NOUN
    serializer_class = AppRecord
    searched = ("name", "code", "executable", "description")
    orderings: ClassVar = {"id": "pk", "name": "name", "code": "code", "version": "version", "updated_at": "updated_at"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "uuid": by.identity("uuid"),
        "code": by.text("code"),
        "name": by.text("name", part=True),
        "enabled": by.flag("enabled"),
        "sandbox": by.choice("sandbox", Sandbox.values),
        "executable": by.text("executable"),
    }

    def rows(self) -> QuerySet[Application]:
        return application.query(self.actor).prefetch_related(None).prefetch_related("translations")

    def make(self, values: dict[str, Any]) -> Application:
        return application.create(self.actor, **_columns(values))

    def change(self, record: Application, values: dict[str, Any]) -> None:
        application.update(self.actor, record, **_columns(values))

    def take_away(self, record: Application) -> None:
        definitions.delete_application(self.actor, record)

    @extend_schema(
        request=OpenApiTypes.OBJECT,
        responses={200: Imported, 201: Imported, (422, "application/json"): Imported},
        parameters=[OpenApiParameter(name, bool) for name in ("dry_run", "strict", "allow_downgrade")],
        operation_id="apps_import",
    )
    def take_in(self, request: Request) -> Response:
        report = definitions.import_application(
            self.actor,
            json.dumps(request.data).encode(),
            ORIGIN,
            strict=self.flag("strict"),
            allow_downgrade=self.flag("allow_downgrade"),
            dry_run=self.flag("dry_run"),
        )
        created = report.result == "created" and not report.dry_run
        return Response(report.as_dict(), status=422 if not report.accepted else 201 if created else 200)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=Validated)
    def validate(self, request: Request) -> Response:
        report = validation.validate(json.dumps(request.data).encode(), ORIGIN)
        found = [finding.as_dict() for finding in report.findings]
        return Response({"valid": report.valid, "schema_version": report.schema_version, "findings": found})

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def export(self, request: Request, id: int) -> HttpResponse:
        app = lookup.by_id(self.rows().prefetch_related(None), self.noun, id)
        text, _left_out = definitions.export_application(app)
        name = f"{app.code}.multiflexi.app.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return HttpResponse(text, content_type="application/json", headers=headers)

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    def logo(self, request: Request, id: int) -> HttpResponse:
        return images.answer(request._request, self.one(id).image)

    @extend_schema(operation_id="apps_environment_list", responses=Declared(many=True))
    def environment(self, request: Request, id: int) -> Response:
        fields = self.one(id).fields.filter(obsolete=False).prefetch_related("translations").order_by("position", "pk")
        return self._parts(Declared, fields)

    @extend_schema(operation_id="apps_exit_codes_list", responses=ExitCodes(many=True))
    def exit_codes(self, request: Request, id: int) -> Response:
        return self._parts(ExitCodes, self.one(id).exit_codes.prefetch_related("translations").order_by("exit_code"))

    @extend_schema(operation_id="apps_produces_list", responses=Produced(many=True))
    def produces(self, request: Request, id: int) -> Response:
        return self._parts(Produced, self.one(id).produces.order_by("name"))

    @extend_schema(operation_id="apps_consumes_list", responses=Consumed(many=True))
    def consumes(self, request: Request, id: int) -> Response:
        return self._parts(Consumed, self.one(id).consumes.order_by("name"))

    @extend_schema(operation_id="apps_artifacts_list", responses=Artifacts(many=True))
    def artifacts(self, request: Request, id: int) -> Response:
        rows = self.one(id).artifact_definitions.prefetch_related("translations").order_by("pk")
        return self._parts(Artifacts, rows)

    def _parts(self, kind: type[serializers.BaseSerializer[Any]], rows: QuerySet[Any]) -> Response:
        return Response(kind(rows, many=True, context={"language": self.language}).data)


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """The values as the service takes them, which knows lists as texts and an empty text where JSON has null."""
    given = {name: "" if one is None else one for name, one in values.items()}
    for name in application.LISTS:
        if name in given:
            given[name] = ",".join(given[name])
    return given


_ONE = "apps/<int:id>"
_PARTS = {
    "export": "export",
    "logo": "logo",
    "environment": "environment",
    "exit-codes": "exit_codes",
    "produces": "produces",
    "consumes": "consumes",
    "artifacts": "artifacts",
}
routes = (
    ("apps", Apps, {"get": "list", "post": "create"}),
    ("apps/import", Apps, {"post": "take_in"}),
    ("apps/validate", Apps, {"post": "validate"}),
    (_ONE, Apps, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    *((f"{_ONE}/{address}", Apps, {"get": name}) for address, name in _PARTS.items()),
)
