"""The system log."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Record
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import LogEntry
from multiflexi.services import log


class LogRecord(Record):
    """A message of a component."""

    app_id = serializers.IntegerField(source="apps_id", read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(source="created", read_only=True)

    class Meta:
        model = LogEntry
        fields: ClassVar = (
            "id",
            "created_at",
            "severity",
            "venue",
            "message",
            "company_id",
            "app_id",
            "user_id",
            "job_id",
            "request_id",
        )
        read_only_fields: ClassVar = fields


class Logs(Resource):
    """Messages of the caller's companies, for administrators all of them; the newest first."""

    noun = log.NOUN
    serializer_class = LogRecord
    append_only = True
    default_order = ("-pk",)
    searched = ("message",)
    filters: ClassVar = {
        "id": by.number("pk", ranged=True),
        "company": by.number("company_id"),
        "app": by.number("apps_id"),
        "user": by.number("user_id"),
        "job": by.number("job_id"),
        "severity": by.text("severity"),
        "venue": by.text("venue", part=True),
        "request_id": by.text("request_id"),
        "created_at": by.moment("created"),
    }

    def rows(self) -> QuerySet[LogEntry]:
        return log.query(self.actor)


routes = (
    ("logs", Logs, {"get": "list"}),
    ("logs/<int:id>", Logs, {"get": "retrieve"}),
)
