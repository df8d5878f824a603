"""Jobs: one run each, with the stored state that `multiflexi.jobs.lifecycle` alone may change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.application import Application
from multiflexi.models.base import ColouredChoices, TenantModel, one_of
from multiflexi.models.company import Company
from multiflexi.models.runtemplate import Executor, RunTemplate
from multiflexi.models.sealed import EndedWithEnvelopes


class JobStatus(ColouredChoices):
    """States of a job; the transitions between them are in `multiflexi.jobs.lifecycle`."""

    PENDING = "pending", "secondary", _("Pending")
    QUEUED = "queued", "info", _("Queued")
    RUNNING = "running", "primary", _("Running")
    FINISHING = "finishing", "primary", _("Finishing")
    SUCCESS = "success", "success", _("Success")
    FAILED = "failed", "danger", _("Failed")
    TIMEOUT = "timeout", "danger", _("Timed out")
    TERMINATED = "terminated", "warning", _("Terminated")
    LOST = "lost", "info", _("Lost")
    BLOCKED = "blocked", "danger", _("Blocked")
    CANCELLED = "cancelled", "secondary", _("Cancelled")

    @property
    def is_final(self) -> bool:
        return self not in LIVE_STATES


LIVE_STATES = (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FINISHING)
ACTIVE_STATES = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FINISHING)
FINAL_STATES = tuple(state for state in JobStatus if state not in LIVE_STATES)
# What "failed" means on every surface: ended with a non-zero code or by the platform, not cancelled.
UNSUCCESSFUL_STATES = (
    JobStatus.FAILED,
    JobStatus.TIMEOUT,
    JobStatus.TERMINATED,
    JobStatus.LOST,
    JobStatus.BLOCKED,
)


class FailureReason(models.TextChoices):
    """Why the platform ended or refused a job; executor modules may add words of their own."""

    START_FAILED = "start_failed", _("Could not be started")
    IMAGE_UNAVAILABLE = "image_unavailable", _("Image not available")
    EXECUTOR_UNAVAILABLE = "executor_unavailable", _("Executor not available")
    CREDENTIAL_UNAVAILABLE = "credential_unavailable", _("Credential not available")
    OUT_OF_MEMORY = "out_of_memory", _("Out of memory")
    TIMEOUT = "timeout", _("Time limit exceeded")
    STOPPED = "stopped", _("Stopped")
    OUTPUT_LIMIT = "output_limit", _("Output limit exceeded")
    FILE_LIMIT = "file_limit", _("File size limit exceeded")
    PROCESS_LIMIT = "process_limit", _("Process limit exceeded")
    SHUTDOWN = "shutdown", _("Shut down")
    CUT_OFF = "cut_off", _("Cut off from the database")
    LOST = "lost", _("Lost")
    CREDENTIAL_MISCONFIGURED = "credential_misconfigured", _("Credential misconfigured")
    CANCELLED = "cancelled", _("Cancelled")


class ScheduleType(models.TextChoices):
    """What caused a job; only the interval words belong to the cadence."""

    YEARLY = "yearly", _("Yearly")
    MONTHLY = "monthly", _("Monthly")
    WEEKLY = "weekly", _("Weekly")
    DAILY = "daily", _("Daily")
    HOURLY = "hourly", _("Hourly")
    MINUTELY = "minutly", _("Every minute")
    CUSTOM = "custom", _("Custom schedule")
    ADHOC = "adhoc", _("By hand")
    ADHOC_WEB = "adhoc-web", _("By hand, in the browser")
    ADHOC_CLI = "adhoc-cli", _("By hand, on the command line")
    ADHOC_API = "adhoc-api", _("By the API")
    COMMAND_LINE = "CommandLine", _("Planned by hand")
    EVENT = "event", _("Event")
    CHAINED = "chained", _("Chained")
    ACTION = "action", _("Action")
    RESCHEDULE = "reschedule", _("Rescheduled")
    RETRY = "retry", _("Retry")
    CRON = "cron", _("Cron")


class Job(TenantModel):
    """One run of an application for a company."""

    app = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="jobs")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="jobs")
    runtemplate = models.ForeignKey(RunTemplate, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs")
    task = models.ForeignKey("Task", on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    launched_by = models.ForeignKey(
        "User", on_delete=models.PROTECT, db_column="launched_by", related_name="launched_jobs"
    )
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries")
    parent_job = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")

    status = models.CharField(max_length=12, choices=JobStatus.choices, default=JobStatus.PENDING)
    slot = models.DateTimeField(null=True, blank=True)
    claim = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=1)
    schedule_type = models.CharField(max_length=255, choices=ScheduleType.choices, null=True, blank=True)
    schedule = models.DateTimeField(null=True, blank=True)
    executor = models.CharField(max_length=255, choices=Executor.choices, default=Executor.NATIVE)
    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(null=True, blank=True)
    begin = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)

    exitcode = models.IntegerField(null=True, blank=True)
    exit_signal = models.SmallIntegerField(null=True, blank=True)
    failure_reason = models.CharField(max_length=32, null=True, blank=True)
    reason_detail = models.TextField(null=True, blank=True)
    block_reason = models.TextField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)

    env = models.JSONField(null=True, blank=True)
    env_meta = models.JSONField(null=True, blank=True)
    overrides = models.JSONField(null=True, blank=True)
    options = models.JSONField(null=True, blank=True)
    note = models.TextField(null=True, blank=True)
    command = models.JSONField(null=True, blank=True)
    app_version = models.CharField(max_length=255, default="n/a")
    runtemplate_version = models.PositiveIntegerField(null=True, blank=True)
    time_limit = models.PositiveIntegerField(null=True, blank=True)
    limits = models.JSONField(null=True, blank=True)

    worker = models.ForeignKey("Worker", on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    pid = models.IntegerField(null=True, blank=True)
    pid_started = models.BigIntegerField(null=True, blank=True)
    host = models.CharField(max_length=255, null=True, blank=True)
    boot_id = models.CharField(max_length=64, null=True, blank=True)
    spool_path = models.TextField(null=True, blank=True)
    handle = models.JSONField(null=True, blank=True)
    staged_result = models.JSONField(null=True, blank=True)

    stdout = models.TextField(null=True, blank=True)
    stderr = models.TextField(null=True, blank=True)
    stdout_bytes = models.BigIntegerField(null=True, blank=True)
    stderr_bytes = models.BigIntegerField(null=True, blank=True)
    output_truncated = models.BooleanField(default=False)
    collect_error = models.TextField(null=True, blank=True)
    cpu_seconds = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    max_rss_kb = models.BigIntegerField(null=True, blank=True)
    wall_seconds = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    image_digest = models.CharField(max_length=128, null=True, blank=True)
    traceparent = models.CharField(max_length=55, null=True, blank=True)
    fingerprint = models.CharField(max_length=32, null=True, blank=True, db_index=True)
    fingerprint_line = models.CharField(max_length=500, null=True, blank=True)
    retention_until = models.DateTimeField(null=True, blank=True, db_index=True)
    marked_for_deletion = models.BooleanField(default=False, db_index=True)

    class Meta:
        db_table = "job"
        indexes = (
            models.Index(fields=("company", "begin", "id"), name="job_company_begin"),
            models.Index(fields=("runtemplate", "id"), name="job_runtemplate"),
            models.Index(fields=("app", "id"), name="job_app"),
            models.Index(fields=("exitcode", "id"), name="job_exitcode"),
            models.Index(fields=("end",), name="job_end"),
            models.Index(
                fields=("status", "id"), condition=models.Q(status__in=list(LIVE_STATES)), name="job_live_status"
            ),
            # The newest ones that failed; without it all jobs are read where few have.
            models.Index(
                fields=("id",), condition=models.Q(status__in=list(UNSUCCESSFUL_STATES)), name="job_unsuccessful"
            ),
            models.Index(fields=("id",), condition=models.Q(EndedWithEnvelopes()), name="job_sealed"),
        )
        constraints = (
            models.UniqueConstraint(fields=("runtemplate", "slot"), name="job_slot"),
            one_of("status", JobStatus.values, "job"),
            models.CheckConstraint(
                condition=~models.Q(status__in=[JobStatus.BLOCKED, JobStatus.CANCELLED, *LIVE_STATES])
                | models.Q(exitcode__isnull=True),
                name="job_exitcode_only_at_the_end",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=list(LIVE_STATES)) | models.Q(end__isnull=False), name="job_end_is_known"
            ),
        )

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Self:
        """As Django makes a row, which looks every column up in the names of those that were read."""
        return super().from_db(db, frozenset(field_names), values, **more)

    def __str__(self) -> str:
        return f"#{self.pk} {self.status}"


class JobHistory(TenantModel):
    """One transition of a job, or one request to stop it."""

    company_path = "job__company_id"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="history", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    from_status = models.CharField(max_length=12, null=True, blank=True)
    to_status = models.CharField(max_length=12)
    claim = models.PositiveIntegerField(default=0)
    actor = models.CharField(max_length=64)
    reason = models.CharField(max_length=32, null=True, blank=True)
    detail = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "job_history"
        indexes = (models.Index(fields=("job", "id"), name="job_history_job"),)

    def __str__(self) -> str:
        return f"#{self.job_id} {self.from_status} → {self.to_status}"
