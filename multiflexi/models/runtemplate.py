"""Run templates: an application configured for a company, with its schedule."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.application import Application
from multiflexi.models.base import TenantModel, Timestamped, one_of
from multiflexi.models.company import Company, Topic


class Interval(models.TextChoices):
    """Stored codes of the cadence; words, cron texts and periods are in `multiflexi.scheduling.intervals`."""

    MANUAL = "n", _("Manually")
    MINUTELY = "i", _("Every minute")
    HOURLY = "h", _("Hourly")
    DAILY = "d", _("Daily")
    WEEKLY = "w", _("Weekly")
    MONTHLY = "m", _("Monthly")
    YEARLY = "y", _("Yearly")
    CUSTOM = "c", _("Custom")


class Executor(models.TextChoices):
    """Where a job runs."""

    NATIVE = "Native", _("Native")
    DOCKER = "Docker", "Docker"
    PODMAN = "Podman", "Podman"
    KUBERNETES = "Kubernetes", "Kubernetes"
    AZURE = "Azure", "Azure"


class CatchUp(models.TextChoices):
    """What happens to slots that passed while nobody was looking."""

    LATEST = "latest", _("Run the latest one")
    NONE = "none", _("Run none")
    ALL = "all", _("Run all of them")


class Overlap(models.TextChoices):
    """What happens when the previous run has not ended."""

    QUEUE_ONE = "queue-one", _("Queue one")
    SKIP = "skip", _("Skip")
    ALLOW = "allow", _("Run in parallel")


class Backoff(models.TextChoices):
    """Growth of the pause between retries."""

    NONE = "none", _("None")
    FIXED = "fixed", _("Fixed")
    LINEAR = "linear", _("Linear")
    EXPONENTIAL = "exponential", _("Exponential")


class RunTemplate(TenantModel, Timestamped):
    """The recipe: which application, for which company, when, where, with which retry rules."""

    app = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="runtemplates")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="runtemplates")
    name = models.CharField(max_length=250)
    note = models.TextField(null=True, blank=True)
    active = models.BooleanField(default=True)
    complete = models.BooleanField(default=False)
    prepared = models.BooleanField(null=True, blank=True)
    executor = models.CharField(max_length=255, choices=Executor.choices, default=Executor.NATIVE)

    interv = models.CharField(max_length=1, choices=Interval.choices, default=Interval.MANUAL)
    cron = models.CharField(max_length=255, null=True, blank=True)
    timezone = models.CharField(max_length=64, null=True, blank=True)
    delay = models.PositiveIntegerField(default=0)
    jitter = models.PositiveIntegerField(default=0)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    skip_days = models.JSONField(null=True, blank=True)
    catch_up = models.CharField(max_length=8, choices=CatchUp.choices, default=CatchUp.LATEST)
    overlap = models.CharField(max_length=12, choices=Overlap.choices, default=Overlap.QUEUE_ONE)
    max_parallel = models.PositiveIntegerField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0)

    next_schedule = models.DateTimeField(null=True, blank=True, db_index=True)
    last_schedule = models.DateTimeField(null=True, blank=True)
    running_job = models.ForeignKey("Job", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    schedule_error = models.TextField(null=True, blank=True)
    schedule_failures = models.PositiveIntegerField(default=0)
    schedule_retry_at = models.DateTimeField(null=True, blank=True)

    deadline_offset = models.CharField(max_length=32, null=True, blank=True)
    allow_late = models.BooleanField(default=False)
    manual_fulfils = models.BooleanField(default=False)
    max_retries = models.PositiveIntegerField(default=0)
    retry_delay = models.PositiveIntegerField(default=0)
    retry_backoff = models.CharField(max_length=16, choices=Backoff.choices, default=Backoff.NONE)
    retry_on_exit_codes = models.JSONField(null=True, blank=True)

    time_limit = models.PositiveIntegerField(null=True, blank=True)
    kill_grace = models.PositiveIntegerField(null=True, blank=True)
    memory_limit_mb = models.PositiveIntegerField(null=True, blank=True)
    pids_limit = models.PositiveIntegerField(null=True, blank=True)
    file_limit_mb = models.PositiveIntegerField(null=True, blank=True)
    output_limit_mb = models.PositiveIntegerField(null=True, blank=True)
    cpu_limit = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    slow_factor = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)

    successfull_jobs_count = models.PositiveIntegerField(default=0)
    failed_jobs_count = models.PositiveIntegerField(default=0)
    owner = models.ForeignKey(
        "User", on_delete=models.SET_NULL, null=True, blank=True, related_name="owned_runtemplates"
    )
    version = models.PositiveIntegerField(default=1)
    archived_at = models.DateTimeField(null=True, blank=True)
    topics = models.ManyToManyField(Topic, through="RunTemplateTopic", related_name="runtemplates")

    class Meta:
        db_table = "runtemplate"
        indexes = (models.Index(fields=("app", "company"), name="runtemplate_app_company"),)
        constraints = (
            one_of("interv", Interval.values, "runtemplate"),
            one_of("executor", Executor.values, "runtemplate"),
            one_of("catch_up", CatchUp.values, "runtemplate"),
            one_of("overlap", Overlap.values, "runtemplate"),
            one_of("retry_backoff", Backoff.values, "runtemplate"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_serialised(self) -> bool:
        """Whether at most one job of this run template may be claimed or running at a time."""
        return self.overlap != Overlap.ALLOW


class RunTemplateTopic(TenantModel):
    """A label on a run template."""

    company_path: ClassVar[str] = "runtemplate__company_id"

    runtemplate = models.ForeignKey(RunTemplate, on_delete=models.CASCADE)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)

    class Meta:
        db_table = "runtemplate_topics"
        constraints = (models.UniqueConstraint(fields=("runtemplate", "topic"), name="runtemplate_topics_pair"),)

    def __str__(self) -> str:
        return f"{self.runtemplate_id}:{self.topic_id}"


class Configuration(TenantModel):
    """A variable's value set on a run template; the type comes from the application's field."""

    company_path: ClassVar[str] = "runtemplate__company_id"

    runtemplate = models.ForeignKey(RunTemplate, on_delete=models.CASCADE, related_name="configuration")
    name = models.CharField(max_length=128)
    value = models.TextField(null=True, blank=True)
    is_encrypted = models.BooleanField(default=False)
    inactive = models.BooleanField(default=False)

    class Meta:
        db_table = "configuration"
        constraints = (models.UniqueConstraint(fields=("runtemplate", "name"), name="configuration_name"),)

    def __str__(self) -> str:
        return self.name


class RunTemplateCredential(TenantModel):
    """A credential assigned to a run template; a later position wins."""

    company_path: ClassVar[str] = "runtemplate__company_id"

    runtemplate = models.ForeignKey(RunTemplate, on_delete=models.CASCADE, related_name="assigned_credentials")
    credential = models.ForeignKey(
        "Credential", on_delete=models.PROTECT, db_column="credentials_id", related_name="assignments"
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "runtplcreds"
        constraints = (models.UniqueConstraint(fields=("runtemplate", "credential"), name="runtplcreds_pair"),)

    def __str__(self) -> str:
        return f"{self.runtemplate_id}:{self.credential_id}"


class FileStore(models.Model):
    """A file uploaded for a variable: for every run of a run template, for one job, or as value of a credential."""

    job = models.ForeignKey("Job", on_delete=models.CASCADE, null=True, blank=True, related_name="uploads")
    runtemplate = models.ForeignKey(
        RunTemplate, on_delete=models.CASCADE, null=True, blank=True, related_name="uploads"
    )
    credential_value = models.OneToOneField(
        "CredentialValue", on_delete=models.CASCADE, null=True, blank=True, related_name="upload"
    )
    field = models.CharField(max_length=255)
    file_name = models.CharField(max_length=255)
    file_path = models.CharField(max_length=255, null=True, blank=True)
    file_data = models.BinaryField(null=True)
    size = models.BigIntegerField(default=0)
    secret = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "file_store"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(job__isnull=False)
                | models.Q(runtemplate__isnull=False)
                | models.Q(credential_value__isnull=False),
                name="file_store_owner",
            ),
        )

    def __str__(self) -> str:
        return self.file_name
