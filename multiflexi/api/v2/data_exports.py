"""Exports of one's own data."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import DataExport, DataExportFormat, DataExportState
from multiflexi.services import data_export

KINDS = ("application/json", "application/pdf", "application/zip", "application/xml")


class DataExportRecord(Record):
    """A request for an export; its link works once and for an hour."""

    format = serializers.ChoiceField(DataExportFormat.choices, default=DataExportFormat.JSON)
    state = serializers.ChoiceField(DataExportState.choices, read_only=True)
    downloaded_at = serializers.DateTimeField(source="used_at", read_only=True, allow_null=True)

    class Meta:
        model = DataExport
        fields: ClassVar[Any] = (
            "id",
            "format",
            "state",
            "ip_address",
            "created_at",
            "expires_at",
            "downloaded_at",
        )
        read_only_fields: ClassVar = ("ip_address", "created_at", "expires_at")


class MadeDataExport(DataExportRecord):
    """A new export with its link, which is told this once."""

    download_url = serializers.CharField(read_only=True)

    class Meta(DataExportRecord.Meta):
        fields: ClassVar[Any] = (*DataExportRecord.Meta.fields, "download_url")


class DataExports(Resource):
    """Exports of the caller's own data; the account must ask itself, a token may not."""

    noun = data_export.NOUN
    serializer_class = DataExportRecord
    default_order = ("-pk",)
    orderings: ClassVar = {"id": "pk", "created_at": "created_at", "expires_at": "expires_at"}
    filters: ClassVar = {
        "format": by.choice("format", DataExportFormat.values),
        "created_at": by.moment("created_at"),
    }

    def rows(self) -> QuerySet[DataExport]:
        if getattr(self, "swagger_fake_view", False):
            return DataExport.objects.none()
        return data_export.query(self.actor)

    # Not repeatable: the answer to a key would be kept, and the link in it.
    @extend_schema(responses={201: MadeDataExport})
    def create(self, request: Request, **_kwargs: Any) -> Response:
        made = data_export.ask(self.actor, format=self.given(DataExportRecord)["format"])
        address = f"{request.path.rstrip('/')}/{made.export.pk}"
        shown = DataExportRecord(made.export, context=self.get_serializer_context()).data
        link = f"{address}/content?token={made.token}"
        return Response({**shown, "download_url": link}, status=201, headers={"Location": address})

    @extend_schema(
        parameters=[OpenApiParameter("token", str, required=True, description="From the link; 64 hexadecimal digits")],
        responses={(200, kind): OpenApiTypes.BINARY for kind in KINDS},
        description="The file, once. CSV comes as a ZIP archive with a file for each table.",
    )
    def content(self, request: Request, id: int) -> HttpResponse:
        token, export = request.query_params.get("token", ""), self.one(id)
        if request.method == "HEAD":
            data_export.check(self.actor, token, export=export)
            return HttpResponse()
        file = data_export.download(self.actor, token, export=export)
        headers = {
            "Content-Disposition": content_disposition_header(True, file.name) or "attachment",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(file.content, content_type=file.media_type, headers=headers)


routes = (
    ("data-exports", DataExports, {"get": "list", "post": "create"}),
    ("data-exports/<int:id>", DataExports, {"get": "retrieve"}),
    ("data-exports/<int:id>/content", DataExports, {"get": "content"}),
)
