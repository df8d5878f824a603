"""Artifacts: what jobs leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.api.v2.packing import packed
from multiflexi.http import artifacts
from multiflexi.models import Artifact, ArtifactKind
from multiflexi.services import artifact, job_query

FILE = {
    (200, "*/*"): OpenApiTypes.BINARY,
    (206, "*/*"): OpenApiTypes.BINARY,
    304: OpenApiResponse(description="The caller has it already."),
    416: OpenApiResponse(description="The file has no such part."),
}
RANGE = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER)
    for name in ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
]


class ArtifactRecord(Record):
    """A file or stream kept from a job, without its content."""

    job_id = serializers.IntegerField(read_only=True)
    app_artifact_id = serializers.IntegerField(read_only=True, allow_null=True)
    download_url = serializers.SerializerMethodField()

    class Meta:
        model = Artifact
        fields: ClassVar = (
            "id",
            "job_id",
            "filename",
            "content_type",
            "kind",
            "app_artifact_id",
            "note",
            "size",
            "sha256",
            "masked_spans",
            "contains_secret",
            "truncated",
            "created_at",
            "download_url",
        )
        read_only_fields: ClassVar = fields

    def get_download_url(self, one: Artifact) -> str:
        here = self.context["request"].path
        return f"{here[: here.index('/api/v2/')]}/api/v2/artifacts/{one.pk}/content"


class Artifacts(Resource):
    """Artifacts of jobs the caller sees."""

    noun = artifact.NOUN
    serializer_class = ArtifactRecord
    append_only = True
    default_order = ("-pk",)
    searched = ("filename", "note")
    orderings: ClassVar = {"id": "pk", "filename": "filename", "size": "size", "created_at": "created_at"}
    filters: ClassVar = {
        "job": by.number("job_id"),
        "runtemplate": by.number("job__runtemplate_id"),
        "company": by.number("job__company_id"),
        "filename": by.text("filename", part=True),
        "content_type": by.text("content_type"),
        "kind": by.choice("kind", ArtifactKind.values),
        "contains_secret": by.flag("contains_secret"),
        "size": by.number("size", ranged=True),
        "created_at": by.moment("created_at"),
    }

    def rows(self) -> QuerySet[Artifact]:
        return artifact.query(self.actor)

    def take_away(self, record: Artifact) -> None:
        artifact.remove(self.actor, record)

    @extend_schema(parameters=RANGE, responses=FILE)
    def content(self, request: Request, id: int) -> HttpResponseBase:
        return artifacts.sent(request._request, self.actor, self.one(id))


class ArtifactsOfJob(Artifacts):
    """Artifacts of one job."""

    append_only = False
    default_order = ("pk",)

    def rows(self) -> QuerySet[Artifact]:
        if getattr(self, "swagger_fake_view", False):
            return Artifact.objects.none()
        job = job_query.find(self.actor, self.kwargs["job_id"])
        return artifact.query(self.actor, job_id=job.pk)

    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        description="All artifacts of the job; a file with a secret is left out where the caller may not have it.",
    )
    def archive(self, request: Request, job_id: int) -> HttpResponseBase:
        found = self.rows().select_related("job").order_by("pk")
        pieces: Iterator[bytes] = packed(self.actor, list(found))
        headers = {
            "Content-Disposition": content_disposition_header(True, f"job-{job_id}.zip") or "attachment",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)


routes = (
    ("artifacts", Artifacts, {"get": "list"}),
    ("artifacts/<int:id>", Artifacts, {"get": "retrieve", "delete": "destroy"}),
    ("artifacts/<int:id>/content", Artifacts, {"get": "content"}),
    ("jobs/<int:job_id>/artifacts", ArtifactsOfJob, {"get": "list"}),
    ("jobs/<int:job_id>/artifacts.zip", ArtifactsOfJob, {"get": "archive"}),
)
