"""Side tables without enforced relations: application log, audit trail, outbox, hourly counters."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.base import ColouredChoices, TenantModel, one_of
from multiflexi.models.company import Company
from multiflexi.models.encryption import EncryptionKey
from multiflexi.models.job import Job
from multiflexi.models.queue import Worker


class LogEntry(TenantModel):
    """A message of a component."""

    company_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    apps_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    user_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    job_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    request_id = models.CharField(max_length=64, null=True, blank=True)
    severity = models.CharField(max_length=16, default="info")
    venue = models.CharField(max_length=255, default="", blank=True)
    message = models.TextField(default="", blank=True)
    created = models.DateTimeField(default=timezone.now, db_index=True)
    retention_until = models.DateTimeField(null=True, blank=True, db_index=True)
    marked_for_deletion = models.BooleanField(default=False, db_index=True)

    class Meta:
        db_table = "log"

    def __str__(self) -> str:
        return self.message


class AuditSeverity(ColouredChoices):
    """Weight of an audit entry."""

    LOW = "low", "secondary", _("Low")
    MEDIUM = "medium", "info", _("Medium")
    HIGH = "high", "warning", _("High")
    CRITICAL = "critical", "danger", _("Critical")


class AuditOutcome(models.TextChoices):
    """What came of the audited attempt."""

    DONE = "done", _("Done")
    DENIED = "denied", _("Denied")
    FAILED = "failed", _("Failed")


class AuditEntry(TenantModel):
    """One entry of the append-only audit trail, written in the transaction of the change it tells of."""

    user_id = models.BigIntegerField(null=True, blank=True)
    real_user_id = models.BigIntegerField(null=True, blank=True)
    token_id = models.BigIntegerField(null=True, blank=True)
    company_id = models.BigIntegerField(null=True, blank=True)
    event_type = models.CharField(max_length=50, db_index=True)
    event_description = models.TextField()
    entity_type = models.CharField(max_length=100, null=True, blank=True)
    entity_id = models.BigIntegerField(null=True, blank=True)
    action = models.CharField(max_length=20, null=True, blank=True)
    changes = models.JSONField(null=True, blank=True)
    additional_data = models.JSONField(null=True, blank=True)
    severity = models.CharField(max_length=8, choices=AuditSeverity.choices, default=AuditSeverity.LOW, db_index=True)
    outcome = models.CharField(max_length=8, choices=AuditOutcome.choices, default=AuditOutcome.DONE)
    origin = models.CharField(max_length=8)
    request_id = models.CharField(max_length=64, null=True, blank=True)
    ip_address = models.CharField(max_length=45, null=True, blank=True)
    user_agent = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    mac = models.CharField(max_length=64)
    mac_key = models.ForeignKey(EncryptionKey, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "security_audit_log"
        indexes = (
            models.Index(fields=("user_id", "event_type"), name="security_audit_log_user"),
            models.Index(fields=("entity_type", "entity_id"), name="security_audit_log_entity"),
            models.Index(fields=("company_id", "created_at"), name="security_audit_log_company"),
        )

    def __str__(self) -> str:
        return self.event_description


class AuditUnsealed(models.Model):
    """An audit entry that the sealer has not chained yet."""

    audit = models.OneToOneField(AuditEntry, on_delete=models.CASCADE, primary_key=True, related_name="unsealed")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "audit_unsealed"

    def __str__(self) -> str:
        return str(self.audit_id)


class AuditSeal(models.Model):
    """One link of the chain over the audit entries: what one round of the sealer found committed."""

    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    entries = models.JSONField()
    first_id = models.BigIntegerField(db_index=True)
    last_id = models.BigIntegerField(db_index=True)
    # Unique, so that of two sealers at once only one can carry the chain on.
    prev_hash = models.CharField(max_length=64, unique=True)
    seal_hash = models.CharField(max_length=64, unique=True)
    exported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "audit_seal"

    def __str__(self) -> str:
        return self.seal_hash


class OutboxKind(models.TextChoices):
    """Who takes a delivery."""

    ACTION = "action", _("Action")
    ZABBIX = "zabbix", "Zabbix"
    OTEL = "otel", "OpenTelemetry"
    WEBHOOK = "webhook", _("Webhook")
    NOTIFICATION = "notification", _("Notification")
    MAIL = "mail", _("Mail")


class Outbox(TenantModel):
    """Something to deliver after a commit; the row goes when it is delivered or given up."""

    kind = models.CharField(max_length=16, choices=OutboxKind.choices, db_index=True)
    idempotency_key = models.CharField(max_length=190, unique=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, null=True, blank=True, related_name="outbox")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="outbox")
    payload = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    available_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    worker = models.ForeignKey(Worker, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    lease_until = models.DateTimeField(null=True, blank=True, db_index=True)
    last_error = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "outbox"
        indexes = (models.Index(fields=("available_at", "id"), name="outbox_available"),)
        constraints = (one_of("kind", OutboxKind.values, "outbox"),)

    def __str__(self) -> str:
        return self.idempotency_key


class TriggerKind(models.TextChoices):
    """Groups of causes, for counters."""

    SCHEDULE = "schedule", _("Schedule")
    MANUAL = "manual", _("By hand")
    EVENT = "event", _("Event")
    CHAIN = "chain", _("Chain")
    RETRY = "retry", _("Retry")


class OutcomeRollup(TenantModel):
    """Finished jobs of a run template in one UTC hour, by outcome; outlives the jobs."""

    runtemplate_id = models.BigIntegerField()
    company_id = models.BigIntegerField()
    app_id = models.BigIntegerField()
    hour = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=12)
    trigger_kind = models.CharField(max_length=12, choices=TriggerKind.choices)
    count = models.PositiveIntegerField(default=0)
    duration_sum = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    duration_min = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    duration_max = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    wait_sum = models.DecimalField(max_digits=14, decimal_places=3, default=0)

    class Meta:
        db_table = "outcome_rollup"
        indexes = (models.Index(fields=("company_id", "hour"), name="outcome_rollup_company"),)
        constraints = (
            models.UniqueConstraint(
                fields=("runtemplate_id", "hour", "outcome", "trigger_kind"), name="outcome_rollup_row"
            ),
        )

    def __str__(self) -> str:
        return f"{self.runtemplate_id} {self.hour:%Y-%m-%d %H} {self.outcome}: {self.count}"
