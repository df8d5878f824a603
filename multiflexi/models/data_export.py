"""Exports of what the installation knows of a person."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.base import ColouredChoices, one_of
from multiflexi.models.user import User


class DataExportFormat(models.TextChoices):
    """What an export is written as."""

    JSON = "json", "JSON"
    PDF = "pdf", "PDF"
    CSV = "csv", "CSV"
    XML = "xml", "XML"


class DataExportState(ColouredChoices):
    """What has become of the link of an export."""

    READY = "ready", "success", _("Ready to download")
    DOWNLOADED = "downloaded", "secondary", _("Downloaded")
    EXPIRED = "expired", "secondary", _("Expired")


class DataExport(models.Model):
    """A request for an export with its single-use link; the content is made at the download and stored nowhere."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="data_exports")
    token_hash = models.CharField(max_length=64, unique=True)
    format = models.CharField(max_length=10, choices=DataExportFormat.choices, default=DataExportFormat.JSON)
    ip_address = models.CharField(max_length=45, null=True, blank=True)
    user_agent = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "data_export_tokens"
        indexes = (models.Index(fields=("user", "created_at"), name="data_export_tokens_user"),)
        constraints = (one_of("format", DataExportFormat.values, "data_export"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d %H:%M} {self.format}"

    @property
    def state(self) -> DataExportState:
        """Whether the link still works."""
        if self.used_at is not None:
            return DataExportState.DOWNLOADED
        return DataExportState.READY if timezone.now() < self.expires_at else DataExportState.EXPIRED
