"""Event sources: where events come from."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.values import Value, shown
from multiflexi.api.v2.frame.views import Resource
from multiflexi.models import Availability, EventSource
from multiflexi.services import event_source


class SourceRecord(Record):
    """An event source; its password goes in and never comes out."""

    config = serializers.DictField(required=False, allow_null=True)
    company_id = serializers.IntegerField(read_only=True, allow_null=True)
    db_password = serializers.CharField(write_only=True, required=False, trim_whitespace=False, max_length=1024)
    password = serializers.SerializerMethodField()

    class Meta:
        model = EventSource
        fields: ClassVar = (
            "id",
            "name",
            "company_id",
            "adapter_type",
            "db_connection",
            "db_host",
            "db_port",
            "db_database",
            "db_username",
            "db_password",
            "password",
            "config",
            "enabled",
            "poll_interval",
            "last_processed_id",
            "last_polled_at",
            "state",
            "last_error",
            "backlog",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = (
            "last_processed_id",
            "last_polled_at",
            "state",
            "last_error",
            "backlog",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(Value(allow_null=True))
    def get_password(self, source: EventSource) -> Any:
        return shown(source.db_password, secret=True, opened=lambda: event_source.plain(source))


class Reached(Plain):
    """Whether a source answers."""

    state = serializers.ChoiceField(Availability.choices)
    message = serializers.CharField(allow_blank=True)


class RewindForm(Plain):
    """The last record that counts as processed."""

    last_processed_id = serializers.IntegerField(min_value=0)


class EventSources(Resource):
    """Event sources, for who configures the installation."""

    noun = event_source.NOUN
    serializer_class = SourceRecord
    searched = ("name", "adapter_type")
    orderings: ClassVar = {"id": "pk", "name": "name", "last_polled_at": "last_polled_at"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "enabled": by.flag("enabled"),
        "company": by.number("company_id", null=True),
        "name": by.text("name", part=True),
    }

    def rows(self) -> QuerySet[EventSource]:
        return event_source.query(self.actor)

    def make(self, values: dict[str, Any]) -> EventSource:
        return event_source.create(self.actor, **values)

    def change(self, record: EventSource, values: dict[str, Any]) -> None:
        event_source.update(self.actor, record, **values)

    def take_away(self, record: EventSource) -> None:
        event_source.remove(self.actor, record)

    @extend_schema(request=None, responses=Reached)
    def test(self, request: Request, id: int) -> Response:
        result = event_source.test(self.actor, self.one(id))
        return Response({"state": result.state, "message": result.message or ""})

    @extend_schema(request=RewindForm, responses=SourceRecord)
    def rewind(self, request: Request, id: int) -> Response:
        event_source.rewind(self.actor, self.one(id), self.given(RewindForm)["last_processed_id"])
        return self.shown(self.one(id))


_ONE = "event-sources/<int:id>"
routes = (
    ("event-sources", EventSources, {"get": "list", "post": "create"}),
    (_ONE, EventSources, {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
    (f"{_ONE}/test", EventSources, {"post": "test"}),
    (f"{_ONE}/rewind", EventSources, {"post": "rewind"}),
)
