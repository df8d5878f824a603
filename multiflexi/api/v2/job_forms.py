"""Bodies of the actions of jobs, and what they answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.values import Texts
from multiflexi.api.v2.runtemplate_forms import ReasonForm, ScheduleForm
from multiflexi.models import StopLevel


class JobForm(ScheduleForm):
    """A run of a run template."""

    runtemplate_id = serializers.IntegerField(min_value=1)


class ReasonedForm(Plain):
    """Why."""

    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=1000)


class StopForm(ReasonedForm):
    """How hard: `kill` leaves no grace, `wait` never kills."""

    level = serializers.ChoiceField(StopLevel.choices, default=StopLevel.STOP)


class RetryForm(ReasonedForm):
    """With other values, if any."""

    env = Texts(required=False)


class DeletedForm(Plain):
    """What a deletion matched, and what went with it."""

    dry_run = serializers.BooleanField()
    matched = serializers.IntegerField()
    deleted = serializers.IntegerField()
    artifacts = serializers.IntegerField()
    output_lines = serializers.IntegerField()
    job_ids = serializers.ListField(child=serializers.IntegerField())


class Transition(Plain):
    """A change of the state."""

    time = serializers.DateTimeField()
    to = serializers.CharField()
    actor = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)

    def get_fields(self) -> Any:
        found: Any = super().get_fields()
        # `from` is a word of the language.
        found["from"] = serializers.CharField(allow_null=True)
        return found


class ExplainedJob(Plain):
    """Why it runs, waits, did not start or ended as it did."""

    job_id = serializers.IntegerField()
    status = serializers.CharField()
    waiting_for = ReasonForm(many=True)
    reasons = ReasonForm(many=True)
    history = Transition(many=True)
