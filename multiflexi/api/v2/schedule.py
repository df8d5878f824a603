"""The queue: jobs that wait for their time or are under way."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.api.v2.named import NamedApp, NamedCompany, NamedRunTemplate
from multiflexi.models import Executor, QueueEntry
from multiflexi.services import job, job_stop, queue


class QueueRecord(Record):
    """A row of the queue; `claimed` says that an executor has taken it."""

    expandable: ClassVar = {"runtemplate": NamedRunTemplate, "company": NamedCompany, "app": NamedApp}

    job_id = serializers.IntegerField(read_only=True)
    status = serializers.CharField(source="job.status", read_only=True)
    schedule_type = serializers.CharField(source="job.schedule_type", read_only=True, allow_null=True)
    runtemplate_id = serializers.IntegerField(read_only=True, allow_null=True)
    company_id = serializers.IntegerField(read_only=True)
    app_id = serializers.IntegerField(read_only=True)
    claimed = serializers.SerializerMethodField()

    class Meta:
        model = QueueEntry
        fields: ClassVar = (
            "id",
            "job_id",
            "status",
            "schedule_type",
            "after",
            "runtemplate_id",
            "company_id",
            "app_id",
            "executor",
            "priority",
            "claimed",
            "claimed_at",
            "deferrals",
            "defer_reason",
            "deferred_since",
            "stop_level",
            "stop_reason",
            "stop_at",
        )
        read_only_fields: ClassVar = fields

    def get_claimed(self, entry: QueueEntry) -> bool:
        return entry.worker_id is not None


class MoveForm(Plain):
    """Another time, or another executor."""

    after = serializers.DateTimeField(required=False)
    executor = serializers.ChoiceField(Executor.choices, required=False)


class Schedule(Resource):
    """The queue of the companies the caller is a member of, the next first."""

    noun = "Queue entry"
    serializer_class = QueueRecord
    default_order = ("after", "pk")
    orderings: ClassVar = {"id": "pk", "after": "after", "priority": "priority"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "job": by.number("job_id"),
        "company": by.number("company_id"),
        "runtemplate": by.number("runtemplate_id", null=True),
        "app": by.number("app_id"),
        "executor": by.choice("executor", Executor.values),
        "after": by.moment("after"),
    }

    def rows(self) -> QuerySet[QueueEntry]:
        return queue.query(self.actor).select_related(None).select_related("job")

    def take_away(self, record: QueueEntry) -> None:
        job_stop.cancel(self.actor, record.job)

    @extend_schema(request=MoveForm, responses=QueueRecord)
    def reschedule(self, request: Request, id: int) -> Response:
        given: Any = self.given(MoveForm)
        with transaction.atomic():
            self.guard(id)
            job.reschedule(self.actor, self.one(id).job, **given)
        return self.shown(self.one(id))


routes = (
    ("schedule", Schedule, {"get": "list"}),
    ("schedule/<int:id>", Schedule, {"get": "retrieve", "patch": "reschedule", "delete": "destroy"}),
)
