"""Bodies of the actions of run templates, and what they answer."""

from __future__ import annotations

from rest_framework import serializers

from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.values import Texts
from multiflexi.models import Executor


class CloneForm(Plain):
    """A copy, with a name of its own."""

    name = serializers.CharField(required=False, max_length=250)


class ScheduleForm(Plain):
    """One run: now, or at `after`; `env` counts for this run alone."""

    after = serializers.DateTimeField(required=False, allow_null=True)
    executor = serializers.ChoiceField(Executor.choices, required=False, allow_null=True)
    env = Texts(required=False)
    note = serializers.CharField(required=False, allow_null=True, allow_blank=True)


class PreviewForm(Plain):
    """Values in place of the stored ones."""

    env = Texts(required=False)


class Source(Plain):
    """Where a value would come from."""

    source = serializers.CharField()
    source_name = serializers.CharField()


class Variable(Source):
    """A variable of the process; a secret is masked."""

    name = serializers.CharField()
    value = serializers.CharField(allow_null=True)
    secret = serializers.BooleanField()
    type = serializers.CharField()
    overridden = Source(many=True)


class Variables(Plain):
    """The resolved environment."""

    environment = Variable(many=True)
    problems = serializers.ListField(child=serializers.CharField())


class Previewed(Variables):
    """What would run, without running it."""

    runtemplate_id = serializers.IntegerField()
    command = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class ReasonForm(Plain):
    """One sentence of an explanation."""

    kind = serializers.CharField()
    detail = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    next_try = serializers.DateTimeField(allow_null=True)
    jobs = serializers.ListField(child=serializers.IntegerField())


class SlotForm(Plain):
    """What became of a due instant."""

    slot = serializers.DateTimeField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    detail = serializers.CharField()
    jobs = serializers.ListField(child=serializers.IntegerField())


class Explained(Plain):
    """Why it runs, waits or did not start."""

    runtemplate_id = serializers.IntegerField()
    state = serializers.ChoiceField(("running", "waiting", "scheduled", "unscheduled"))
    next_schedule = serializers.DateTimeField(allow_null=True)
    reasons = ReasonForm(many=True)
    last_slots = SlotForm(many=True)
