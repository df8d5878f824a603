"""The output of a job: lines as they come, and the whole as text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2 import ansi, streaming
from multiflexi.api.v2.artifacts import RANGE
from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.views import View
from multiflexi.http import artifacts, health
from multiflexi.models import Artifact, ArtifactKind, Job, JobStatus, LineType
from multiflexi.services import artifact, job_export, job_log, job_query, lookup
from multiflexi.services.presenters.secrets import environment

MOST_LINES, LONGEST_WAIT, LOOK = 1000, 30, 0.5
AFTER = OpenApiParameter("after", OpenApiTypes.INT64, description="Number of the last line seen")
TYPES = OpenApiParameter(
    "types",
    {"type": "array", "items": {"type": "string", "enum": list(LineType.values)}},
    style="form",
    explode=False,
)


class LineForm(Plain):
    """A line; its `id` is its number within the job."""

    id = serializers.IntegerField()
    seq = serializers.IntegerField()
    type = serializers.CharField()
    line = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class OutputForm(Plain):
    """Lines, and whether the job is at its end and all of them are here."""

    lines = LineForm(many=True)
    finished = serializers.BooleanField()
    status = serializers.CharField()
    exitcode = serializers.IntegerField(allow_null=True)


class JobVariable(Plain):
    """A variable of the job; a secret is masked."""

    name = serializers.CharField()
    value = serializers.CharField(allow_null=True, allow_blank=True)
    source = serializers.CharField(allow_null=True)


class ScriptForm(Plain):
    """How a person repeats the job by hand; secrets are left out."""

    command = serializers.CharField()
    variables = JobVariable(many=True)


class Output(View):
    """Lines and texts of one job."""

    @extend_schema(
        parameters=[
            AFTER,
            TYPES,
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST_LINES}),
            OpenApiParameter("wait", {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT}),
        ],
        responses=OutputForm,
    )
    def lines(self, request: Request, job_id: int) -> Response:
        job = job_query.find(self.actor, job_id)
        after, types = self._number("after"), self._types()
        limit = min(self._number("limit") or MOST_LINES, MOST_LINES)
        wait = min(self._number("wait"), LONGEST_WAIT)
        found = _lines(job, after, types, limit)
        headers = {}
        if wait and not found and not JobStatus(job.status).is_final:
            with streaming.place() as free:
                if free:
                    found, job = self._awaited(job, after, types, limit, wait)
                else:
                    headers["Retry-After"] = str(streaming.RETRY_AFTER)
        finished = JobStatus(job.status).is_final and len(found) < limit
        return Response(
            {"lines": found, "finished": finished, "status": job.status, "exitcode": job.exitcode},
            headers=headers,
        )

    @extend_schema(
        parameters=[
            AFTER,
            TYPES,
            OpenApiParameter("Last-Event-ID", OpenApiTypes.INT64, OpenApiParameter.HEADER),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def stream(self, request: Request, job_id: int) -> HttpResponseBase:
        job = job_query.find(self.actor, job_id)
        told = request.headers.get("Last-Event-ID", "")
        after = int(told) if lookup.is_id(told) else self._number("after")
        watch = streaming.Watch(request, self.actor)
        return streaming.opened(request, streaming.job_events(watch, job, after, self._types()))

    @extend_schema(
        parameters=[
            OpenApiParameter("type", {"type": "string", "enum": ["stdout", "stderr"], "default": "stdout"}),
            OpenApiParameter("ansi", {"type": "string", "enum": ["keep", "strip", "html"], "default": "keep"}),
            *RANGE,
        ],
        responses={(200, "text/plain"): OpenApiTypes.BINARY, (206, "text/plain"): OpenApiTypes.BINARY},
    )
    def text(self, request: Request, job_id: int) -> HttpResponseBase:
        job = job_query.find(self.actor, job_id)
        kind = self._word("type", ("stdout", "stderr"))
        mode = self._word("ansi", ("keep", "strip", "html"))
        found = artifact.query(self.actor, job_id=job.pk).filter(kind=ArtifactKind(kind)).select_related("job").first()
        if found and mode == "keep":
            return artifacts.sent(request._request, self.actor, found, inline=True)
        if found:
            artifact.allow(self.actor, found)
        media_type = "text/html; charset=utf-8" if mode == "html" else "text/plain; charset=utf-8"
        pieces = ansi.MODES[mode](_texts(job, kind, found))
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return StreamingHttpResponse(pieces, content_type=media_type, headers=headers)

    @extend_schema(operation_id="jobs_environment_list", responses=JobVariable(many=True))
    def environment(self, request: Request, job_id: int) -> Response:
        job = job_query.find(self.actor, job_id)
        meta: Any = job.env_meta or {}
        shown = environment(job.env, job.env_meta)
        return Response(
            [
                {"name": name, "value": value, "source": (meta.get(name) or {}).get("source")}
                for name, value in sorted(shown.items())
            ]
        )

    @extend_schema(responses=ScriptForm)
    def script(self, request: Request, job_id: int) -> Response:
        exported = job_export.export(job_query.find(self.actor, job_id), described=False)
        variables = [{"name": one.name, "value": one.value, "source": one.source} for one in exported.variables]
        return Response({"command": exported.command, "variables": variables})

    def _awaited(
        self, job: Job, after: int, types: list[str], limit: int, wait: int
    ) -> tuple[list[dict[str, Any]], Job]:
        deadline = time.monotonic() + wait
        found: list[dict[str, Any]] = []
        while not found and not self._is_over(job) and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
            # The state first: what ended before it was read has all of its lines stored.
            job.refresh_from_db(fields=["status", "exitcode"])
            found = _lines(job, after, types, limit)
        return found, job

    @staticmethod
    def _is_over(job: Job) -> bool:
        return JobStatus(job.status).is_final or health.stopping.is_set()

    def _number(self, name: str) -> int:
        told = self.request.query_params.get(name, "0")
        try:
            found = by.integer(told)
        except ValueError as error:
            raise by.unusable(name, told, str(error)) from None
        if found < 0:
            raise by.unusable(name, told, "use 0 or more")
        return found

    def _types(self) -> list[str]:
        found = [word for word in self.request.query_params.get("types", "").split(",") if word]
        for word in found:
            if word not in LineType.values:
                raise by.unusable("types", word, f"use {', '.join(LineType.values)}")
        return found

    def _word(self, name: str, words: tuple[str, ...]) -> str:
        told = self.request.query_params.get(name, words[0])
        if told not in words:
            raise by.unusable(name, told, f"use {', '.join(words)}")
        return told


def _lines(job: Job, after: int, types: list[str], limit: int) -> list[dict[str, Any]]:
    return [streaming.line(one) for one in islice(streaming.lines_of(job, after, types), limit)]


def _texts(job: Job, kind: str, found: Artifact | None) -> Iterator[str]:
    if found is not None:
        yield from (f"{one.line}\n" for one in job_log.kept_lines(job, stream=kind))
    else:
        yield from (f"{one.line}\n" for one in job_log.lines(job, stream=kind))


routes = (
    ("jobs/<int:job_id>/output", Output, {"get": "lines"}),
    ("jobs/<int:job_id>/output.txt", Output, {"get": "text"}),
    ("jobs/<int:job_id>/environment", Output, {"get": "environment"}),
    ("jobs/<int:job_id>/script", Output, {"get": "script"}),
)
