"""Requests to erase a person's data, and what was done about each."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.base import ColouredChoices, Timestamped, one_of
from multiflexi.models.user import User


class ErasureType(models.TextChoices):
    """How much of a person goes."""

    SOFT = "soft", _("Disable the account")
    ANONYMIZE = "anonymize", _("Replace what names the person")
    HARD = "hard", _("Delete the account where nothing depends on it")


class ErasureStatus(ColouredChoices):
    """Where a request has got to."""

    PENDING = "pending", "warning", _("Waiting for a decision")
    APPROVED = "approved", "info", _("Approved")
    SCHEDULED = "scheduled", "info", _("Scheduled")
    COMPLETED = "completed", "success", _("Carried out")
    REJECTED = "rejected", "danger", _("Rejected")
    CANCELLED = "cancelled", "secondary", _("Withdrawn")


class ErasureAction(models.TextChoices):
    """What happened to the rows of a table."""

    DELETED = "deleted", _("Deleted")
    ANONYMIZED = "anonymized", _("Anonymised")
    RETAINED = "retained", _("Kept")


class ErasureRequest(Timestamped):
    """A request for erasure; it outlives the account, without naming the person once it is carried out."""

    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="erasure_requests")
    user_login = models.CharField(max_length=150)
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_column="requested_by_user_id", related_name="+"
    )
    request_date = models.DateTimeField(default=timezone.now)
    reason = models.TextField(null=True, blank=True)
    deletion_type = models.CharField(max_length=10, choices=ErasureType.choices, default=ErasureType.SOFT)
    status = models.CharField(
        max_length=10, choices=ErasureStatus.choices, default=ErasureStatus.PENDING, db_index=True
    )
    reviewed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_column="reviewed_by_user_id", related_name="+"
    )
    review_date = models.DateTimeField(null=True, blank=True)
    review_notes = models.TextField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    completed_date = models.DateTimeField(null=True, blank=True)
    legal_basis = models.CharField(max_length=255, null=True, blank=True)
    retention_period_days = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "user_deletion_requests"
        constraints = (
            one_of("deletion_type", ErasureType.values, "erasure_request"),
            one_of("status", ErasureStatus.values, "erasure_request"),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class ErasureStep(models.Model):
    """What one erasure did to one table; it holds numbers, never the data that went."""

    deletion_request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="steps")
    table_name = models.CharField(max_length=128, db_index=True)
    record_id = models.BigIntegerField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0, db_column="row_count")
    action = models.CharField(max_length=10, choices=ErasureAction.choices)
    reason = models.CharField(max_length=255, null=True, blank=True)
    performed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_column="performed_by_user_id", related_name="+"
    )
    performed_date = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "user_deletion_audit"
        constraints = (one_of("action", ErasureAction.values, "erasure_step"),)

    def __str__(self) -> str:
        return f"{self.table_name} {self.action}"
