"""Tasks: was the obligation of a scheduling window met?"""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from multiflexi.models.base import ColouredChoices, TenantModel, one_of
from multiflexi.models.company import Company
from multiflexi.models.job import Job
from multiflexi.models.runtemplate import RunTemplate


class TaskState(ColouredChoices):
    """States of a task; the transitions are in `multiflexi.jobs.tasks`."""

    OPEN = "open", "secondary", _("Open")
    RUNNING = "running", "primary", _("Running")
    FULFILLED = "fulfilled", "success", _("Fulfilled")
    FULFILLED_LATE = "fulfilled_late", "warning", _("Fulfilled late")
    FAILED = "failed", "danger", pgettext_lazy("task", "Failed")
    MISSED = "missed", "danger", _("Missed")


class NoJobReason(models.TextChoices):
    """Why a slot got no job."""

    CATCH_UP = "catch_up", _("Missed run left out")
    OVERLAP = "overlap", _("Previous run not finished")
    PAUSED = "paused", _("Paused")


class Task(TenantModel):
    """The obligation of one window of a run template."""

    runtemplate = models.ForeignKey(RunTemplate, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    deadline = models.DateTimeField()
    state = models.CharField(max_length=16, choices=TaskState.choices, default=TaskState.OPEN)
    no_job_reason = models.CharField(max_length=16, choices=NoJobReason.choices, null=True, blank=True)
    fulfilled_by_job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    excused_at = models.DateTimeField(null=True, blank=True)
    excused_by = models.ForeignKey(
        "User", on_delete=models.SET_NULL, null=True, blank=True, db_column="excused_by", related_name="+"
    )
    excuse_reason = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "task"
        indexes = (
            models.Index(fields=("company", "window_start"), name="task_company_window"),
            models.Index(fields=("state", "window_end"), name="task_state_window"),
        )
        constraints = (
            models.UniqueConstraint(fields=("runtemplate", "window_start"), name="task_window"),
            models.CheckConstraint(
                condition=models.Q(window_end__gt=models.F("window_start")), name="task_window_has_length"
            ),
            one_of("state", TaskState.values, "task"),
        )

    def __str__(self) -> str:
        return f"{self.runtemplate_id} {self.window_start:%Y-%m-%d %H:%M} {self.state}"
