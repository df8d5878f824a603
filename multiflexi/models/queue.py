"""The queue, the workers that take from it, and the named limits that slow it down."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.application import Application
from multiflexi.models.base import ColouredChoices, TenantModel, one_of
from multiflexi.models.company import Company
from multiflexi.models.credential import Credential, CredentialType
from multiflexi.models.job import Job
from multiflexi.models.runtemplate import Executor, RunTemplate


class WorkerRole(models.TextChoices):
    """Kinds of processes that keep a heartbeat."""

    SCHEDULER = "scheduler", _("Scheduler")
    EXECUTOR = "executor", _("Executor")
    EVENTOR = "eventor", _("Event processor")
    HOUSEKEEPER = "housekeeper", _("Housekeeper")
    INLINE = "inline", _("One-shot run")


class WorkerState(ColouredChoices):
    """Life of an instance."""

    STARTING = "starting", "info", _("Starting")
    RUNNING = "running", "success", _("Running")
    DRAINING = "draining", "warning", _("Draining")
    DETACHED = "detached", "warning", _("Detached")
    STOPPED = "stopped", "secondary", _("Stopped")
    DEAD = "dead", "danger", _("Dead")


class Worker(models.Model):
    """An instance of a daemon; the row outlives restarts, because the name does."""

    role = models.CharField(max_length=16, choices=WorkerRole.choices)
    name = models.CharField(max_length=190)
    host = models.CharField(max_length=255, db_index=True)
    boot_id = models.CharField(max_length=64)
    pid = models.BigIntegerField(null=True, blank=True)
    pid_started = models.BigIntegerField(null=True, blank=True)
    version = models.CharField(max_length=32, default="", blank=True)
    state = models.CharField(max_length=12, choices=WorkerState.choices, default=WorkerState.STARTING, db_index=True)
    desired_state = models.CharField(max_length=12, choices=WorkerState.choices, default=WorkerState.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    last_cycle_at = models.DateTimeField(null=True, blank=True)
    cycle_ms = models.PositiveIntegerField(null=True, blank=True)
    places = models.PositiveIntegerField(default=0)
    places_used = models.PositiveIntegerField(default=0)
    modules = models.JSONField(null=True, blank=True)
    rss_mb = models.PositiveIntegerField(null=True, blank=True)
    not_claiming_reason = models.CharField(max_length=64, null=True, blank=True)
    last_error = models.TextField(null=True, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "worker"
        constraints = (
            models.UniqueConstraint(fields=("role", "name"), name="worker_name"),
            one_of("role", WorkerRole.values, "worker"),
            one_of("state", WorkerState.values, "worker"),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.name}"


class StopLevel(models.TextChoices):
    """How hard a running job is asked to end."""

    STOP = "stop", _("Stop, kill after the grace")
    KILL = "kill", _("Kill at once")
    WAIT = "wait", _("Stop without killing")


class QueueEntry(TenantModel):
    """Queue row of a live job: not before when, and who holds it until when."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="queue_entry")
    after = models.DateTimeField()
    runtemplate = models.ForeignKey(
        RunTemplate, on_delete=models.CASCADE, null=True, blank=True, related_name="queue_entries"
    )
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="queue_entries")
    # A copy of the job's, so that a full named limit is seen without a join; the job's own reference is the one kept.
    app = models.ForeignKey(
        Application, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    executor = models.CharField(max_length=32, choices=Executor.choices, default=Executor.NATIVE)
    priority = models.SmallIntegerField(default=0)
    worker = models.ForeignKey(Worker, on_delete=models.SET_NULL, null=True, blank=True, related_name="queue_entries")
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, db_index=True)
    stdout_offset = models.BigIntegerField(default=0)
    stderr_offset = models.BigIntegerField(default=0)
    deferrals = models.PositiveIntegerField(default=0)
    defer_reason = models.TextField(null=True, blank=True)
    deferred_since = models.DateTimeField(null=True, blank=True)
    stop_level = models.CharField(max_length=8, choices=StopLevel.choices, null=True, blank=True)
    stop_by = models.ForeignKey(
        "User", on_delete=models.SET_NULL, null=True, blank=True, db_column="stop_by", related_name="+"
    )
    stop_reason = models.TextField(null=True, blank=True)
    stop_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "schedule"
        indexes = (
            models.Index(fields=("after",), condition=Q(worker__isnull=True), name="schedule_upcoming"),
            models.Index(
                fields=("company", "priority", "after", "id"),
                condition=Q(worker__isnull=True),
                name="schedule_company_waiting",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(worker__isnull=True, lease_until__isnull=True)
                | Q(worker__isnull=False, lease_until__isnull=False),
                name="schedule_owner_has_lease",
            ),
        )

    def __str__(self) -> str:
        return f"#{self.job_id} after {self.after:%Y-%m-%d %H:%M:%S}"


class NamedLimit(TenantModel):
    """At most so many jobs at once against one thing, such as a bank; without company it binds all of them."""

    name = models.CharField(max_length=190)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="named_limits")
    maximum = models.PositiveIntegerField()

    class Meta:
        db_table = "named_limit"
        constraints = (
            models.UniqueConstraint(fields=("company", "name"), name="named_limit_name"),
            models.UniqueConstraint(
                fields=("name",), condition=Q(company__isnull=True), name="named_limit_shared_name"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.maximum})"


class NamedLimitUser(TenantModel):
    """What a named limit applies to: jobs of an application, or jobs with a credential of a type."""

    company_path = "limit__company_id"

    limit = models.ForeignKey(NamedLimit, on_delete=models.CASCADE, related_name="users")
    app = models.ForeignKey(Application, on_delete=models.CASCADE, null=True, blank=True, related_name="named_limits")
    credential_type = models.ForeignKey(
        CredentialType, on_delete=models.CASCADE, null=True, blank=True, related_name="named_limits"
    )

    class Meta:
        db_table = "named_limit_user"
        constraints = (
            models.UniqueConstraint(fields=("limit", "app"), name="named_limit_user_app"),
            models.UniqueConstraint(fields=("limit", "credential_type"), name="named_limit_user_type"),
            models.CheckConstraint(
                condition=Q(app__isnull=True, credential_type__isnull=False)
                | Q(app__isnull=False, credential_type__isnull=True),
                name="named_limit_user_exactly_one",
            ),
        )

    def __str__(self) -> str:
        return f"{self.limit_id}: {self.app_id or self.credential_type_id}"


class JobLimit(TenantModel):
    """A place that a job holds in a named limit."""

    company_path = "job__company_id"

    pk = models.CompositePrimaryKey("job_id", "limit_id")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="held_limits")
    limit = models.ForeignKey(NamedLimit, on_delete=models.CASCADE, related_name="holders")

    class Meta:
        db_table = "job_limit"

    def __str__(self) -> str:
        return f"{self.limit_id}: #{self.job_id}"


class CredentialUse(TenantModel):
    """A job was started with values of a credential; which variables they were is told by the job's provenance."""

    company_path = "job__company_id"

    pk = models.CompositePrimaryKey("job_id", "credential_id")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="credential_uses")
    # Without constraint: it outlives the credential, and a start locks no row that all jobs share.
    credential = models.ForeignKey(
        Credential, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="uses"
    )
    version = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "credential_use"
        indexes = (models.Index(fields=("credential", "at"), name="credential_use_at"),)

    def __str__(self) -> str:
        return f"#{self.job_id}: {self.credential_id} v{self.version}"
