"""What an account proves beside its password."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from multiflexi.models.user import User


class SecondFactor(models.Model):
    """One-time codes by time (RFC 6238); in force from its confirmation on. `secret` is sealed, in Base32."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.TextField(default="", blank=True)
    # The newest step whose code was taken: no code is taken twice, on whatever host.
    last_step = models.BigIntegerField(default=0)
    failures = models.IntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "second_factor"

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class RecoveryCode(models.Model):
    """A code that stands in for the second factor once; a keyed hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "recovery_code"
        constraints = (models.UniqueConstraint(fields=("user", "code_hash"), name="recovery_code_of_user"),)

    def __str__(self) -> str:
        return f"recovery code {self.pk}"
