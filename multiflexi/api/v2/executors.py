"""Executors: modules that are installed, and the workers that use them."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.views import Resource, View
from multiflexi.jobs.queue import backend
from multiflexi.models import Worker, WorkerRole, WorkerState
from multiflexi.services import executor_check, worker
from multiflexi.services.presenters.worker import row


class ExecutorForm(Plain):
    """A module; `workers` serve it now."""

    name = serializers.CharField()
    served = serializers.BooleanField(help_text="Whether this installation is set up to use it")
    workers = serializers.IntegerField()


class CheckedForm(Plain):
    """Whether a module can do its work on the host that answers."""

    executor = serializers.CharField()
    usable = serializers.BooleanField()
    host = serializers.CharField()
    version = serializers.CharField()
    checks = serializers.ListField(child=serializers.DictField())


class WorkerRecord(Record):
    """An instance of a daemon."""

    alive = serializers.SerializerMethodField()
    modules = serializers.ListField(child=serializers.CharField(), read_only=True, allow_null=True)

    class Meta:
        model = Worker
        fields: ClassVar = (
            "id",
            "role",
            "name",
            "host",
            "version",
            "state",
            "desired_state",
            "alive",
            "places",
            "places_used",
            "not_claiming_reason",
            "modules",
            "started_at",
            "last_seen_at",
        )
        read_only_fields: ClassVar = fields

    def get_alive(self, one: Worker) -> bool:
        return bool(row(one, backend().now())["alive"])


class Executors(View):
    """Modules that run jobs."""

    @extend_schema(operation_id="executors_list", responses=ExecutorForm(many=True))
    def read(self, request: Request) -> Response:
        return Response(executor_check.listed(self.actor))

    @extend_schema(responses=CheckedForm)
    def check(self, request: Request, name: str) -> Response:
        return Response(executor_check.checked(self.actor, name))


class Workers(Resource):
    """Instances of the daemons, for who configures the installation."""

    noun = worker.NOUN
    serializer_class = WorkerRecord
    orderings: ClassVar = {"id": "pk", "name": "name", "role": "role", "last_seen_at": "last_seen_at"}
    filters: ClassVar = {
        "role": by.choice("role", WorkerRole.values),
        "state": by.choice("state", WorkerState.values),
        "host": by.text("host"),
    }

    def rows(self) -> QuerySet[Worker]:
        return worker.query(self.actor)

    @extend_schema(request=None, responses=WorkerRecord)
    def drain(self, request: Request, id: int) -> Response:
        worker.drain(self.actor, self.one(id))
        return self.shown(self.one(id))

    @extend_schema(request=None, responses=WorkerRecord)
    def resume(self, request: Request, id: int) -> Response:
        worker.resume(self.actor, self.one(id))
        return self.shown(self.one(id))


routes = (
    ("executors", Executors, {"get": "read"}),
    ("executors/<str:name>/check", Executors, {"get": "check"}),
    ("workers", Workers, {"get": "list"}),
    ("workers/<int:id>", Workers, {"get": "retrieve"}),
    ("workers/<int:id>/drain", Workers, {"post": "drain"}),
    ("workers/<int:id>/resume", Workers, {"post": "resume"}),
)
