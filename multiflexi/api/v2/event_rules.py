"""Event rules: what an event, or the end of a job, starts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import filters as by
from multiflexi.api.v2.frame.records import Plain, Record
from multiflexi.api.v2.frame.values import Texts
from multiflexi.api.v2.frame.views import Resource
from multiflexi.api.v2.named import NamedRunTemplate
from multiflexi.models import EventOperation, EventRule
from multiflexi.services import event_preview, event_rule


class RuleRecord(Record):
    """A rule: either an event source or a source run template starts the target, `runtemplate_id`."""

    expandable: ClassVar = {"runtemplate": NamedRunTemplate, "runtemplate_source": NamedRunTemplate}

    runtemplate_id = serializers.IntegerField(min_value=1)
    event_source_id = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    runtemplate_source_id = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    conditions = serializers.JSONField(read_only=True)
    env_mapping = Texts(required=False, allow_null=True)

    class Meta:
        model = EventRule
        fields: ClassVar = (
            "id",
            "name",
            "event_source_id",
            "runtemplate_source_id",
            "evidence",
            "operation",
            "conditions",
            "runtemplate_id",
            "env_mapping",
            "enabled",
            "priority",
            "stop_processing",
            "debounce_seconds",
            "debounce_key",
            "max_per_hour",
            "last_fired_at",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("last_fired_at", "created_at", "updated_at")


class SampleForm(Plain):
    """An event to try the rule on: the record of a source, or by name what a job produced."""

    data = serializers.DictField()


class MappedForm(Plain):
    """A variable of the job; `value` is null where the event has nothing, for a file it is its content."""

    name = serializers.CharField()
    selector = serializers.CharField()
    value = serializers.CharField(allow_null=True, allow_blank=True)
    is_file = serializers.BooleanField()
    secret = serializers.BooleanField()


class RulePreview(Plain):
    """What the rule would do with the event; `problems` would keep the job or a variable of it from being made."""

    fires = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="Why it does not fire")
    variables = MappedForm(many=True)
    problems = serializers.ListField(child=serializers.CharField())


class EventRules(Resource):
    """Rules whose target belongs to one of the caller's companies."""

    noun = event_rule.NOUN
    serializer_class = RuleRecord
    searched = ("name", "evidence")
    orderings: ClassVar = {"id": "pk", "priority": "priority", "last_fired_at": "last_fired_at"}
    filters: ClassVar = {
        "id": by.number("pk"),
        "company": by.number("runtemplate__company_id"),
        "runtemplate": by.number("runtemplate_id"),
        "runtemplate_source": by.number("runtemplate_source_id", null=True),
        "event_source": by.number("event_source_id", null=True),
        "evidence": by.text("evidence"),
        "operation": by.choice("operation", EventOperation.values),
        "enabled": by.flag("enabled"),
    }

    def rows(self) -> QuerySet[EventRule]:
        return event_rule.query(self.actor)

    def make(self, values: dict[str, Any]) -> EventRule:
        return event_rule.create(self.actor, **values)

    def change(self, record: EventRule, values: dict[str, Any]) -> None:
        event_rule.update(self.actor, record, **values)

    def take_away(self, record: EventRule) -> None:
        event_rule.remove(self.actor, record)

    @extend_schema(request=SampleForm, responses=RulePreview)
    def preview(self, request: Request, id: int) -> Response:
        rule = event_rule.find(self.actor, id)
        return Response(event_preview.preview(rule, self.given(SampleForm)["data"]))


routes = (
    ("event-rules", EventRules, {"get": "list", "post": "create"}),
    (
        "event-rules/<int:id>",
        EventRules,
        {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
    ),
    ("event-rules/<int:id>/preview", EventRules, {"post": "preview"}),
)
