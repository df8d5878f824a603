"""Events: where they come from, and what they start."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from multiflexi.models.base import ColouredChoices, TenantModel, Timestamped, one_of
from multiflexi.models.company import Company
from multiflexi.models.runtemplate import RunTemplate


class SourceDatabase(models.TextChoices):
    """Kinds of databases that are polled for changes."""

    MYSQL = "mysql", "MySQL"
    PGSQL = "pgsql", "PostgreSQL"
    SQLITE = "sqlite", "SQLite"


class SourceState(ColouredChoices):
    """How a source was found at the last poll."""

    OK = "ok", "success", _("In order")
    ERROR = "error", "danger", _("Error")
    PAUSED = "paused", "warning", _("Paused")
    UNKNOWN = "unknown", "secondary", _("Not polled yet")


class EventOperation(models.TextChoices):
    """Changes that a rule is interested in."""

    ANY = "any", _("Any")
    CREATE = "create", _("Create")
    UPDATE = "update", _("Update")
    DELETE = "delete", _("Delete")


class EventSource(TenantModel, Timestamped):
    """Where events come from; without a company it serves all of them. The password is an envelope."""

    name = models.CharField(max_length=255, unique=True)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="event_sources")
    adapter_type = models.CharField(max_length=128, default="abraflexi-webhook")
    db_connection = models.CharField(max_length=10, choices=SourceDatabase.choices, default=SourceDatabase.MYSQL)
    db_host = models.CharField(max_length=255, default="localhost", blank=True)
    db_port = models.CharField(max_length=10, default="3306", blank=True)
    db_database = models.CharField(max_length=255, null=True, blank=True)
    db_username = models.CharField(max_length=255, null=True, blank=True)
    db_password = models.TextField(null=True, blank=True)
    config = models.JSONField(null=True, blank=True)
    enabled = models.BooleanField(default=True, db_index=True)
    last_processed_id = models.BigIntegerField(default=0)
    poll_interval = models.PositiveIntegerField(default=60)
    last_polled_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=SourceState.choices, default=SourceState.UNKNOWN)
    last_error = models.TextField(null=True, blank=True)
    backlog = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "event_source"
        constraints = (
            one_of("db_connection", SourceDatabase.values, "event_source"),
            one_of("state", SourceState.values, "event_source"),
        )

    def __str__(self) -> str:
        return self.name


class EventRule(TenantModel, Timestamped):
    """What to run on an event of a source, or when a job of another run template has ended."""

    company_path: ClassVar[str] = "runtemplate__company_id"

    name = models.CharField(max_length=255, null=True, blank=True)
    event_source = models.ForeignKey(
        EventSource, on_delete=models.CASCADE, null=True, blank=True, related_name="rules", db_index=False
    )
    runtemplate_source = models.ForeignKey(
        RunTemplate, on_delete=models.CASCADE, null=True, blank=True, related_name="following_rules", db_index=False
    )
    evidence = models.CharField(max_length=60, null=True, blank=True)
    operation = models.CharField(max_length=10, choices=EventOperation.choices, default=EventOperation.ANY)
    conditions = models.JSONField(null=True, blank=True)
    runtemplate = models.ForeignKey(RunTemplate, on_delete=models.CASCADE, related_name="event_rules")
    env_mapping = models.JSONField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    priority = models.IntegerField(default=0)
    stop_processing = models.BooleanField(default=False)
    debounce_seconds = models.PositiveIntegerField(default=0)
    debounce_key = models.CharField(max_length=255, null=True, blank=True)
    max_per_hour = models.PositiveIntegerField(null=True, blank=True)
    last_fired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "event_rule"
        indexes = (
            models.Index(fields=("evidence", "operation"), name="event_rule_evidence"),
            models.Index(fields=("runtemplate_source", "enabled"), name="event_rule_chain"),
            models.Index(fields=("event_source", "enabled"), name="event_rule_source"),
        )
        constraints = (
            one_of("operation", EventOperation.values, "event_rule"),
            models.CheckConstraint(
                condition=Q(event_source__isnull=False, runtemplate_source__isnull=True)
                | Q(event_source__isnull=True, runtemplate_source__isnull=False),
                name="event_rule_one_cause",
            ),
        )

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"
