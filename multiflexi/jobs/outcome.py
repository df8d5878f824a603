"""Outcome of an ended job in one word, for counters, filters and charts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from multiflexi.models import Job, JobStatus, ScheduleType, TriggerKind
from multiflexi.models.base import ColouredChoices


class Outcome(ColouredChoices):
    """The mission's words for the five fixed exit codes, and for what the platform did."""

    SUCCESS = "success", "success", _("Success")
    WARNING = "warning", "warning", _("Warning")
    FAILURE = "failure", "danger", _("Failed")
    NOT_FOUND = "notfound", "primary", _("Not found")
    RETRY = "retry", "info", pgettext_lazy("outcome", "Retry")
    TIMEOUT = "timeout", "danger", _("Timed out")
    STOPPED = "stopped", "secondary", _("Stopped")
    BLOCKED = "blocked", "warning", _("Blocked")
    CANCELLED = "cancelled", "secondary", _("Cancelled")


_BY_STATUS = {
    JobStatus.SUCCESS: Outcome.SUCCESS,
    JobStatus.TIMEOUT: Outcome.TIMEOUT,
    JobStatus.TERMINATED: Outcome.STOPPED,
    JobStatus.BLOCKED: Outcome.BLOCKED,
    JobStatus.CANCELLED: Outcome.CANCELLED,
}
_BY_EXIT_CODE = {1: Outcome.WARNING, 127: Outcome.NOT_FOUND, -1: Outcome.RETRY}
_TRIGGERS = {
    ScheduleType.RETRY: TriggerKind.RETRY,
    ScheduleType.RESCHEDULE: TriggerKind.RETRY,
    ScheduleType.EVENT: TriggerKind.EVENT,
    ScheduleType.CHAINED: TriggerKind.CHAIN,
    ScheduleType.ACTION: TriggerKind.CHAIN,
}


def outcome_of(status: str, exitcode: int | None) -> Outcome:
    """The outcome of a final state and its exit code."""
    by_status = _BY_STATUS.get(JobStatus(status))
    return by_status or _BY_EXIT_CODE.get(exitcode if exitcode is not None else 255, Outcome.FAILURE)


def trigger_of(job: Job) -> TriggerKind:
    """The group of causes a job belongs to."""
    if job.slot is not None:
        return TriggerKind.SCHEDULE
    return _TRIGGERS.get(job.schedule_type, TriggerKind.MANUAL)  # type: ignore[call-overload]
