"""What an account proves beside its password."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from multiflexi.models.user import User


class SecondFactorRows(models.QuerySet["SecondFactor"]):
    """Look-ups of second factors."""

    def in_force(self) -> SecondFactorRows:
        """Those that a sign-in takes, of whatever kind."""
        return self.filter(Q(confirmed_at__isnull=False) | Q(passkeys_since__isnull=False))


class SecondFactor(models.Model):
    """What an account proves beside its password: codes of an app, passkeys, or either of both.

    Codes by time (RFC 6238) are in force from `confirmed_at` on; `secret` is sealed, in Base32. `passkeys_since` is set
    exactly while the account has passkeys; `handle` names it to them and says nothing about it.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.TextField(default="", blank=True)
    # The newest step whose code was taken: no code is taken twice, on whatever host.
    last_step = models.BigIntegerField(default=0)
    failures = models.IntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    passkeys_since = models.DateTimeField(null=True, blank=True)
    handle = models.CharField(max_length=86, null=True, blank=True, unique=True)

    objects = SecondFactorRows.as_manager()

    class Meta:
        db_table = "second_factor"

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"

    @property
    def is_on(self) -> bool:
        """Whether a sign-in takes it."""
        return self.confirmed_at is not None or self.passkeys_since is not None


class Passkey(models.Model):
    """A WebAuthn credential: what its device signs for one address of the installation, `domain`.

    Texts are Base64 for addresses; `credential_hash` stands for the identifier, which is too long for an index.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=64)
    domain = models.CharField(max_length=253)
    credential_hash = models.CharField(max_length=64, unique=True)
    credential = models.TextField()
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "passkey"

    def __str__(self) -> str:
        return self.name


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
