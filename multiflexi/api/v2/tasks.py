"""Tasks: was the obligation of a window met?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.api.v2.named import NamedCompany, NamedRunTemplate
from multiflexi.models import Task, TaskState
from multiflexi.services import task

PERIOD = timedelta(days=30)
EARLIEST = datetime.min.replace(tzinfo=UTC)


class TaskRecord(Record):
    """The obligation of one window of a run template."""

    expandable: ClassVar = {"runtemplate": NamedRunTemplate, "company": NamedCompany}

    runtemplate_id = serializers.IntegerField(read_only=True)
    company_id = serializers.IntegerField(read_only=True)
    fulfilled_by_job_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Task
        fields: ClassVar = (
            "id",
            "runtemplate_id",
            "company_id",
            "window_start",
            "window_end",
            "deadline",
            "state",
            "no_job_reason",
            "fulfilled_by_job_id",
            "fulfilled_at",
            "attempts",
            "excused_at",
            "excuse_reason",
            "created_at",
        )
        read_only_fields: ClassVar = fields


class Counted(Plain):
    """How many obligations were met, and how."""

    total = serializers.IntegerField()
    text = serializers.CharField()

    def get_fields(self) -> Any:
        states = {state.value: serializers.IntegerField() for state in TaskState}
        return {**super().get_fields(), **states}


class OfRunTemplate(Counted):
    """Those of one run template."""

    company_id = serializers.IntegerField()
    company_name = serializers.CharField()
    runtemplate_id = serializers.IntegerField()
    runtemplate_name = serializers.CharField()


class Report(Plain):
    """Obligations whose windows begin in the period."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    total = Counted()
    runtemplates = OfRunTemplate(many=True)


class Tasks(Resource):
    """Tasks of the companies the caller is a member of, the newest first."""

    noun = task.NOUN
    serializer_class = TaskRecord
    append_only = True
    default_order = ("-pk",)
    orderings: ClassVar = {"id": "pk", "window_start": "window_start", "deadline": "deadline"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "company": by.number("company_id"),
        "runtemplate": by.number("runtemplate_id"),
        "state": by.choice("state", TaskState.values),
        "window_start": by.moment("window_start"),
        "window_end": by.moment("window_end"),
        "deadline": by.moment("deadline"),
    }

    def rows(self) -> QuerySet[Task]:
        return task.query(self.actor)

    @extend_schema(
        parameters=[
            OpenApiParameter("start", OpenApiTypes.DATETIME),
            OpenApiParameter("end", OpenApiTypes.DATETIME),
            OpenApiParameter("company", int),
            OpenApiParameter("runtemplate", int),
        ],
        responses=Report,
    )
    def report(self, request: Request) -> Response:
        end = self._told("end", by.instant) or timezone.now()
        start = self._told("start", by.instant) or end - min(PERIOD, end - EARLIEST)
        records = task.summary(
            self.actor,
            start=start,
            end=end,
            company_id=self._told("company", by.integer),
            runtemplate_id=self._told("runtemplate", by.integer),
        )
        return Response({"start": start, "end": end, "total": task.total_of(records), "runtemplates": records})

    def _told(self, name: str, read: Any) -> Any:
        told = self.request.query_params.get(name)
        try:
            return None if told is None else read(told)
        except ValueError as error:
            raise by.unusable(name, told or "", str(error)) from None


routes = (
    ("tasks", Tasks, {"get": "list"}),
    ("tasks/report", Tasks, {"get": "report"}),
    ("tasks/<int:id>", Tasks, {"get": "retrieve"}),
)
