"""Data keys for encryption at rest."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from multiflexi.models.company import Company


class EncryptionKey(models.Model):
    """A 256-bit data key, wrapped by the master key; its id is the key id of envelopes."""

    key_name = models.CharField(max_length=50)
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="encryption_keys"
    )
    version = models.PositiveIntegerField(default=1)
    key_data = models.TextField()
    algorithm = models.CharField(max_length=50, default="AES-256-GCM")
    master_key_id = models.CharField(max_length=16)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    rotated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "encryption_keys"
        indexes = (models.Index(fields=("is_active", "key_name"), name="encryption_keys_active"),)
        constraints = (
            models.UniqueConstraint(fields=("key_name", "company", "version"), name="encryption_keys_version"),
            # NULLs differ in a unique key, so the installation's own keys need one of their own. MariaDB has no partial
            # index; there `vault.lock` alone keeps them unique, because Django empties `company` before it deletes.
            models.UniqueConstraint(
                fields=("key_name", "version"),
                condition=models.Q(company__isnull=True),
                name="encryption_keys_installation",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key_name}:{self.version}"
