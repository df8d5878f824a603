"""Jobs: create one, look at it, end it, repeat it, delete it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.filters import Rows
from multiflexi.api.v2.frame.listing import COMMON, given_filters, narrowed
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.repeating import repeatable
from multiflexi.api.v2.frame.views import Resource, View
from multiflexi.api.v2.job_forms import DeletedForm, ExplainedJob, JobForm, ReasonedForm, RetryForm, StopForm
from multiflexi.api.v2.named import NamedApp, NamedCompany, NamedRunTemplate, NamedTask
from multiflexi.models import Artifact, Executor, Job, JobStatus, ScheduleType
from multiflexi.services import (
    job,
    job_cleanup,
    job_filters,
    job_query,
    job_stop,
    run_template,
    run_template_run,
)
from multiflexi.services.errors import BadQuery
from multiflexi.services.explain.job import explain
from multiflexi.services.presenters.job import command_line
from multiflexi.services.rights import may


class JobRecord(Record):
    """One run of an application for a company."""

    expandable: ClassVar = {
        "app": NamedApp,
        "company": NamedCompany,
        "runtemplate": NamedRunTemplate,
        "task": NamedTask,
    }

    runtemplate_id = serializers.IntegerField(read_only=True, allow_null=True)
    app_id = serializers.IntegerField(read_only=True)
    company_id = serializers.IntegerField(read_only=True)
    task_id = serializers.IntegerField(read_only=True, allow_null=True)
    launched_by = serializers.IntegerField(source="launched_by_id", read_only=True)
    retry_of = serializers.IntegerField(source="retry_of_id", read_only=True, allow_null=True)
    parent_job = serializers.IntegerField(source="parent_job_id", read_only=True, allow_null=True)
    scheduled = serializers.DateTimeField(source="schedule", read_only=True, allow_null=True)
    command = serializers.SerializerMethodField(help_text="The words it was started with, secrets masked")
    schedule_type = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = Job
        fields: ClassVar = (
            "id",
            "status",
            "runtemplate_id",
            "app_id",
            "company_id",
            "task_id",
            "launched_by",
            "schedule_type",
            "scheduled",
            "slot",
            "created_at",
            "queued_at",
            "begin",
            "end",
            "exitcode",
            "exit_signal",
            "failure_reason",
            "reason_detail",
            "executor",
            "attempt",
            "retry_of",
            "parent_job",
            "app_version",
            "runtemplate_version",
            "command",
            "note",
            "time_limit",
            "host",
            "pid",
            "stdout_bytes",
            "stderr_bytes",
            "output_truncated",
            "cpu_seconds",
            "max_rss_kb",
            "wall_seconds",
            "fingerprint",
        )
        read_only_fields: ClassVar = fields

    def get_command(self, one: Job) -> str | None:
        return command_line(one)


def _with_artifacts(rows: Rows, wanted: bool) -> Rows:
    found = Exists(Artifact.objects.filter(job=OuterRef("pk")))
    return rows.filter(found if wanted else ~found)


def _in_states(rows: Rows, words: str) -> Rows:
    return rows.filter(status__in=job_filters.states(words.split(",")))


class ByStatus(by.Special):
    """Filter words by `status`, stored values by `status__in`."""

    def parameters(self, name: str) -> dict[str, by.Schema]:
        stored = {"type": "array", "items": {"type": "string", "enum": list(JobStatus.values)}}
        return {name: self.schema, f"{name}__in": stored}

    def apply(self, rows: Rows, name: str, parameter: str, text: str) -> Rows:
        if parameter == name:
            return super().apply(rows, name, parameter, text)
        return by.choice("status", JobStatus.values).apply(rows, name, parameter, text)


FILTERS: dict[str, by.Filter] = {
    "id": by.number("pk", ranged=True),
    "status": ByStatus(
        "",
        str,
        {"type": "array", "items": {"type": "string", "enum": list(job_filters.FILTER_WORDS)}},
        select=_in_states,
        description="Words; failed means ended with a non-zero code or by the platform, not cancelled.",
    ),
    "company": by.number("company_id"),
    "runtemplate": by.number("runtemplate_id", null=True),
    "app": by.number("app_id"),
    "task": by.number("task_id", null=True),
    "executor": by.choice("executor", Executor.values),
    "schedule_type": by.choice("schedule_type", ScheduleType.values),
    "launched_by": by.number("launched_by_id"),
    "retry_of": by.number("retry_of_id", null=True),
    "exitcode": by.number("exitcode", ranged=True, null=True),
    "failure_reason": by.text("failure_reason"),
    "fingerprint": by.text("fingerprint"),
    "begin": by.moment("begin", null=True),
    "end": by.moment("end", null=True),
    "scheduled": by.moment("schedule", null=True),
    "created_at": by.moment("created_at"),
    "has_artifacts": by.special(by.boolean, {"type": "boolean"}, _with_artifacts),
}


class Jobs(Resource):
    """Jobs of the companies the caller is a member of, the newest first."""

    noun = job_query.NOUN
    serializer_class = JobRecord
    searched = ("app__name", "runtemplate__name")
    append_only = True
    rate_scopes: ClassVar = {"create": "job-create", "retry": "job-create", "delete_several": "bulk"}
    default_order = ("-pk",)
    orderings: ClassVar = {
        "id": "pk",
        "begin": "begin",
        "end": "end",
        "scheduled": "schedule",
        "exitcode": "exitcode",
        "wall_seconds": "wall_seconds",
    }
    filters = FILTERS

    def rows(self) -> QuerySet[Job]:
        return job_query.query(self.actor).defer(*job_query.UNSHOWN)

    def one(self, id: int) -> Job:
        return job_query.row(self.actor, id) if not self.shape.expand else super().one(id)

    @extend_schema(request=JobForm, responses={201: JobRecord})
    @repeatable
    def create(self, request: Request, **kwargs: Any) -> Response:
        given = self.given(JobForm)
        made = run_template_run.schedule(
            self.actor,
            run_template.find_to_run(self.actor, given["runtemplate_id"]),
            after=given.get("after"),
            executor=given.get("executor"),
            overrides=given.get("env"),
            note=given.get("note"),
        )
        if may(self.actor, "jobs.read", made.company_id):
            response = self.shown(self.one(made.pk), 201)
        else:
            response = Response(told_to_maker(self, made), status=201)
        response["Location"] = f"{request.path.rstrip('/')}/{made.pk}"
        return response

    def take_away(self, record: Job) -> None:
        job.remove(self.actor, record)

    @extend_schema(
        operation_id="jobs_bulk_destroy",
        parameters=[OpenApiParameter("dry_run", bool)],
        responses={200: DeletedForm},
        description="Ended jobs that all of the filters of the list select; without any filter nothing is deleted.",
    )
    def delete_several(self, request: Request) -> Response:
        if not given_filters(request, FILTERS):
            raise BadQuery("Name the jobs by at least one filter; without any nothing is deleted.", "no_filter")
        rows = narrowed(job_query.query(self.actor), request, FILTERS, COMMON | {"dry_run"})
        now = timezone.now()
        ended = rows & job_cleanup.old_jobs(now)
        job_cleanup.need_removal(self.actor, ended)
        ids = list(ended.order_by("pk").values_list("pk", flat=True))
        dry_run = self.flag("dry_run")
        counts = job_cleanup.counted(ended) if dry_run else job_cleanup.remove_old(self.actor, ended, now)
        deleted = 0 if dry_run else counts["jobs"]
        return Response(
            {"dry_run": dry_run, "matched": len(ids), "deleted": deleted, "job_ids": ids, **_beside(counts)}
        )

    @extend_schema(request=ReasonedForm, responses=JobRecord)
    @repeatable
    def cancel(self, request: Request, id: int) -> Response:
        job_stop.cancel(self.actor, self.one(id), self.given(ReasonedForm).get("reason"))
        return self.shown(self.one(id))

    @extend_schema(request=StopForm, responses={202: JobRecord})
    @repeatable
    def stop(self, request: Request, id: int) -> Response:
        given = self.given(StopForm)
        job_stop.request_stop(self.actor, self.one(id), level=given["level"], reason=given.get("reason"))
        return self.shown(self.one(id), 202)

    @extend_schema(request=RetryForm, responses={201: JobRecord})
    @repeatable
    def retry(self, request: Request, id: int) -> Response:
        given = self.given(RetryForm)
        with transaction.atomic():
            made = job.retry(
                self.actor,
                job_query.find(self.actor, id),
                overrides=given.get("env"),
                reason=given.get("reason"),
            )
        response = self.shown(self.one(made.pk), 201)
        response["Location"] = f"{request.path.rstrip('/').removesuffix(f'/{id}/retry')}/{made.pk}"
        return response

    @extend_schema(responses=ExplainedJob)
    def explain(self, request: Request, id: int) -> Response:
        return Response(explain(self.actor, job_query.find(self.actor, id)))


def told_to_maker(view: View, made: Job) -> Any:
    """A new job as whoever made it is told of it, who need not be able to read it, and nothing beside it."""
    return JobRecord(made, context={"view": view}).data


def _beside(counts: dict[str, int]) -> dict[str, int]:
    return {"artifacts": counts["artifacts"], "output_lines": counts["output_lines"]}


routes = (
    ("jobs", Jobs, {"get": "list", "post": "create", "delete": "delete_several"}),
    ("jobs/<int:id>", Jobs, {"get": "retrieve", "delete": "destroy"}),
    *((f"jobs/<int:id>/{name}", Jobs, {"post": name}) for name in ("cancel", "stop", "retry")),
    ("jobs/<int:id>/explain", Jobs, {"get": "explain"}),
)
