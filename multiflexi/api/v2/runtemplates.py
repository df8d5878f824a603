"""Run templates: an application configured for a company, with its schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.repeating import repeatable
from multiflexi.api.v2.frame.values import Texts
from multiflexi.api.v2.frame.views import Resource
from multiflexi.api.v2.jobs import JobRecord, told_to_maker
from multiflexi.api.v2.named import NamedApp, NamedCompany
from multiflexi.api.v2.runtemplate_forms import CloneForm, Explained, Previewed, PreviewForm, ScheduleForm, Variables
from multiflexi.jobs.completeness import missing_by_template
from multiflexi.models import Executor, Interval, RunTemplate
from multiflexi.scheduling.intervals import INTERVALS
from multiflexi.services import application, company, run_template, run_template_run
from multiflexi.services.errors import Refused
from multiflexi.services.explain.run_template import explain

# What the service understands by an empty text; other members have no null.
CLEARED_BY_NULL = (
    "note",
    "cron",
    "timezone",
    "deadline_offset",
    "max_parallel",
    "kill_grace",
    "valid_from",
    "valid_to",
)


class RunTemplateRecord(Record):
    """A run template; secrets among its `config` go in and never come out."""

    expandable: ClassVar = {"app": NamedApp, "company": NamedCompany}

    app_id = serializers.IntegerField(min_value=1)
    company_id = serializers.IntegerField(min_value=1)
    interv = serializers.CharField(max_length=8, required=False, help_text="Code n, i, h, d, w, m, y, c, or its word")
    interval = serializers.SerializerMethodField()
    retry_on_exit_codes = serializers.ListField(child=serializers.IntegerField(), required=False, allow_null=True)
    successful_jobs_count = serializers.IntegerField(source="successfull_jobs_count", read_only=True)
    running_job_id = serializers.IntegerField(read_only=True, allow_null=True)
    missing = serializers.SerializerMethodField(help_text="Required values and credentials that are not there yet")
    config = Texts(write_only=True, required=False, null=True)

    class Meta:
        model = RunTemplate
        fields: ClassVar = (
            "id",
            "name",
            "app_id",
            "company_id",
            "note",
            "active",
            "complete",
            "missing",
            "prepared",
            "executor",
            "interv",
            "interval",
            "cron",
            "timezone",
            "delay",
            "jitter",
            "valid_from",
            "valid_to",
            "catch_up",
            "overlap",
            "max_parallel",
            "priority",
            "next_schedule",
            "last_schedule",
            "running_job_id",
            "schedule_error",
            "deadline_offset",
            "allow_late",
            "manual_fulfils",
            "max_retries",
            "retry_delay",
            "retry_backoff",
            "retry_on_exit_codes",
            "time_limit",
            "kill_grace",
            "memory_limit_mb",
            "pids_limit",
            "file_limit_mb",
            "output_limit_mb",
            "cpu_limit",
            "successful_jobs_count",
            "failed_jobs_count",
            "version",
            "created_at",
            "updated_at",
            "config",
        )
        read_only_fields: ClassVar = (
            "complete",
            "prepared",
            "next_schedule",
            "last_schedule",
            "schedule_error",
            "failed_jobs_count",
            "version",
            "created_at",
            "updated_at",
        )

    def get_interval(self, template: RunTemplate) -> str:
        return INTERVALS[template.interv].word

    def get_missing(self, template: RunTemplate) -> list[str]:
        return list(getattr(template, "still_missing", ()))


class RunTemplates(Resource):
    """Run templates of the companies the caller is a member of."""

    noun = run_template.NOUN
    rate_scopes: ClassVar = {"schedule": "job-create"}
    serializer_class = RunTemplateRecord
    searched = ("name", "note")
    orderings: ClassVar = {
        "id": "pk",
        "name": "name",
        "app_id": "app_id",
        "company_id": "company_id",
        "next_schedule": "next_schedule",
        "last_schedule": "last_schedule",
        "created_at": "created_at",
        "updated_at": "updated_at",
    }
    filters: ClassVar = {
        "id": by.number("pk"),
        "company": by.number("company_id"),
        "app": by.number("app_id"),
        "active": by.flag("active"),
        "complete": by.flag("complete"),
        "interv": by.choice("interv", Interval.values),
        "executor": by.choice("executor", Executor.values),
        "name": by.text("name", part=True),
        "credential": by.number("assigned_credentials__credential_id"),
        "next_schedule": by.moment("next_schedule", null=True),
        "last_schedule": by.moment("last_schedule", null=True),
    }

    def rows(self) -> QuerySet[RunTemplate]:
        return run_template.query(self.actor)

    def prepare(self, found: Sequence[Any]) -> None:
        incomplete = [template for template in found if not template.complete]
        missing = missing_by_template(incomplete) if incomplete else {}
        for template in incomplete:
            template.still_missing = missing[template.pk]

    @repeatable
    def create(self, request: Request, **kwargs: Any) -> Response:
        return super().create(request, **kwargs)

    def make(self, values: dict[str, Any]) -> RunTemplate:
        given = _columns(values)
        config = {name: one for name, one in given.pop("config", {}).items() if one is not None}
        return run_template.create(
            self.actor,
            app=application.find(self.actor, given.pop("app_id")),
            company=company.find(self.actor, given.pop("company_id")),
            config=config,
            **given,
        )

    def change(self, record: RunTemplate, values: dict[str, Any]) -> None:
        given = _columns(values)
        if given.pop("company_id", record.company_id) != record.company_id:
            raise Refused("A run template stays with its company; clone it or create another one.", "foreign_company")
        app_id = given.pop("app_id", record.app_id)
        config = given.pop("config", {})
        run_template.update(
            self.actor,
            record,
            config={name: one for name, one in config.items() if one is not None},
            clear=[name for name, one in config.items() if one is None],
            app=application.find(self.actor, app_id) if app_id != record.app_id else None,
            **given,
        )

    def take_away(self, record: RunTemplate) -> None:
        run_template.remove(self.actor, record)

    @extend_schema(request=None)
    def activate(self, request: Request, id: int) -> Response:
        run_template.update(self.actor, self.one(id), active=True)
        return self.shown(self.one(id))

    @extend_schema(request=None)
    def deactivate(self, request: Request, id: int) -> Response:
        run_template.update(self.actor, self.one(id), active=False)
        return self.shown(self.one(id))

    @extend_schema(request=CloneForm, responses={201: RunTemplateRecord})
    @repeatable
    def clone(self, request: Request, id: int) -> Response:
        made = run_template.clone(self.actor, self.one(id), self.given(CloneForm).get("name"))
        response = self.shown(self.one(made.pk), 201)
        response["Location"] = f"{request.path.rstrip('/').removesuffix(f'/{id}/clone')}/{made.pk}"
        return response

    @extend_schema(request=ScheduleForm, responses={201: JobRecord})
    @repeatable
    def schedule(self, request: Request, id: int) -> Response:
        given = self.given(ScheduleForm)
        job = run_template_run.schedule(
            self.actor,
            run_template.find_to_run(self.actor, id),
            after=given.get("after"),
            executor=given.get("executor"),
            overrides=given.get("env"),
            note=given.get("note"),
        )
        return Response(told_to_maker(self, job), status=201)

    @extend_schema(request=PreviewForm, responses=Previewed)
    def preview(self, request: Request, id: int) -> Response:
        given = self.given(PreviewForm)
        return Response(run_template_run.preview(self.one(id), given.get("env")))

    @extend_schema(responses=Variables)
    def environment(self, request: Request, id: int) -> Response:
        shown = run_template_run.preview(self.one(id))
        return Response({"environment": shown["environment"], "problems": shown["problems"]})

    @extend_schema(responses=Explained)
    def explain(self, request: Request, id: int) -> Response:
        return Response(explain(self.actor, self.one(id)))


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """The values as the service takes them, which knows an empty text where JSON has null."""
    given = {name: "" if one is None and name in CLEARED_BY_NULL else one for name, one in values.items()}
    for name in ("time_limit", "memory_limit_mb", "pids_limit", "file_limit_mb", "output_limit_mb", "cpu_limit"):
        if name in given and given[name] is None:
            given[name] = ""
    if "retry_on_exit_codes" in given:
        given["retry_on_exit_codes"] = ",".join(map(str, given["retry_on_exit_codes"] or ()))
    return given


_ONE = "runtemplates/<int:id>"
routes = (
    ("runtemplates", RunTemplates, {"get": "list", "post": "create"}),
    (_ONE, RunTemplates, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    *(
        (f"{_ONE}/{name}", RunTemplates, {"post": name})
        for name in ("activate", "deactivate", "clone", "schedule", "preview")
    ),
    *((f"{_ONE}/{name}", RunTemplates, {"get": name}) for name in ("environment", "explain")),
)
