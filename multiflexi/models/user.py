"""Accounts: people, technical accounts, tokens, sessions and sign-in records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property

from multiflexi.models.base import Timestamped
from multiflexi.models.company import Company, CompanyUser

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser as BaseUser
else:
    # Importing the base class would load HTTP into every process; the account below has what its callers use.
    BaseUser = models.Model

SUPER_ADMIN = "super_admin"
TECHNICAL_LOGIN = "multiflexi"


class UserManager(models.Manager["User"]):
    """Look-ups of accounts."""

    def technical(self) -> User:
        """The account that everything the daemons start belongs to; made by the first migration."""
        return self.get(login=TECHNICAL_LOGIN, is_system=True)


class User(Timestamped, BaseUser):
    """A human or technical account; what it may do is decided by roles and memberships."""

    login = models.CharField(max_length=150, unique=True)
    password = models.CharField(max_length=255, default="", blank=True)
    enabled = models.BooleanField(default=True)
    is_system = models.BooleanField(default=False)
    settings = models.JSONField(null=True, blank=True)
    email = models.CharField(max_length=254, null=True, blank=True)
    firstname = models.CharField(max_length=150, null=True, blank=True)
    lastname = models.CharField(max_length=150, null=True, blank=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    last_login = models.DateTimeField(null=True, blank=True, db_column="last_login_at")
    last_login_ip = models.CharField(max_length=45, null=True, blank=True)
    last_activity_at = models.DateTimeField(null=True, blank=True, db_index=True)
    inactive_since = models.DateTimeField(null=True, blank=True, db_index=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deletion_reason = models.CharField(max_length=255, null=True, blank=True)
    anonymized_at = models.DateTimeField(null=True, blank=True)
    retention_until = models.DateTimeField(null=True, blank=True, db_index=True)

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ("email",)  # type: ignore[assignment]
    is_anonymous = False
    is_authenticated = True

    objects = UserManager()

    class Meta:
        db_table = "user"

    def __str__(self) -> str:
        return self.login

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.enabled and self.deleted_at is None

    def get_username(self) -> str:
        return self.login

    @classmethod
    def get_email_field_name(cls) -> str:
        return cls.EMAIL_FIELD

    def set_password(self, raw_password: str | None) -> None:
        """Take a clear password; None makes signing in with one impossible."""
        from multiflexi.models import passwords

        self.password = passwords.hashed(raw_password)

    def has_usable_password(self) -> bool:
        """Whether any password can fit."""
        from multiflexi.models import passwords

        return passwords.is_usable(self.password)

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password; a hash that is due for it is replaced."""
        from multiflexi.models import passwords

        def renew(made: str) -> None:
            before, self.password = self.password, made
            User.objects.filter(pk=self.pk, password=before).update(password=made)

        return passwords.fits(raw_password, self.password, renew)

    def get_session_auth_hash(self) -> str:
        """What a session keeps of the password, so that a new password ends it."""
        return self._session_hash(settings.SECRET_KEY)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same by keys that are being replaced."""
        return map(self._session_hash, settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, key: str | bytes) -> str:
        return salted_hmac("multiflexi.session", self.password, secret=key, algorithm="sha256").hexdigest()

    @cached_property
    def sees_every_company(self) -> bool:
        """Whether the account holds the one role that needs no membership."""
        return self.role_assignments.in_force().filter(role__name=SUPER_ADMIN).exists()

    def company_ids(self) -> models.QuerySet[Any, Any]:
        """Ids of the companies this account is a member of, as a subquery."""
        return CompanyUser.objects.in_force().filter(user=self).values("company_id")


class Token(models.Model):
    """An API access token, stored as a keyed hash."""

    token_hash = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12, default="")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(max_length=64, default="", blank=True)
    start = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True)
    scopes = models.JSONField(null=True, blank=True)
    company_ids = models.JSONField(null=True, blank=True)
    networks = models.JSONField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.CharField(max_length=45, null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "token"

    def __str__(self) -> str:
        return self.label or self.prefix


class UserSession(models.Model):
    """A signed-in session, listed so that its owner can end it."""

    id = models.CharField(max_length=190, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    ip_address = models.CharField(max_length=45)
    user_agent = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_activity = models.DateTimeField(default=timezone.now, db_index=True)
    expires_at = models.DateTimeField(db_index=True)
    is_active = models.BooleanField(default=True)
    retention_until = models.DateTimeField(null=True, blank=True, db_index=True)
    marked_for_deletion = models.BooleanField(default=False, db_index=True)

    class Meta:
        db_table = "user_sessions"
        indexes = (models.Index(fields=("user", "is_active"), name="user_sessions_active"),)

    def __str__(self) -> str:
        return f"{self.user_id}@{self.ip_address}"


class LoginAttempt(models.Model):
    """One sign-in attempt, as people see it and retention acts on it."""

    ip_address = models.CharField(max_length=45)
    username = models.CharField(max_length=255, null=True, blank=True)
    attempt_time = models.DateTimeField(db_index=True)
    success = models.BooleanField(default=False, db_index=True)
    cleared = models.BooleanField(default=False)
    user_agent = models.TextField(null=True, blank=True)
    failure_reason = models.CharField(max_length=100, null=True, blank=True)

    class Meta:
        db_table = "login_attempts"
        indexes = (
            models.Index(fields=("ip_address", "attempt_time"), name="login_attempts_address"),
            models.Index(fields=("username", "attempt_time"), name="login_attempts_login"),
        )

    def __str__(self) -> str:
        return f"{self.username} {self.attempt_time}"


class ApiRateLimit(models.Model):
    """Requests counted for one client in one window and in that before, shared by all workers and hosts."""

    identifier = models.CharField(max_length=255)
    endpoint = models.CharField(max_length=255, default="", blank=True)
    requests = models.IntegerField(default=0)
    previous = models.IntegerField(default=0)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField(db_index=True)
    blocked_until = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        db_table = "api_rate_limits"
        constraints = (models.UniqueConstraint(fields=("identifier", "endpoint"), name="api_rate_limits_client"),)

    def __str__(self) -> str:
        return f"{self.identifier} {self.endpoint}"


class AllowedNetwork(models.Model):
    """A client network that may connect."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="allowed_networks")
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="allowed_networks"
    )
    network = models.CharField(max_length=64, db_index=True)
    scope = models.CharField(max_length=50, default="general")
    description = models.CharField(max_length=255, null=True, blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_column="created_by", related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "ip_whitelist"
        indexes = (models.Index(fields=("user", "active"), name="ip_whitelist_user"),)

    def __str__(self) -> str:
        return self.network


class IdempotencyKey(models.Model):
    """A remembered answer, so that a repeated request is not carried out twice."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="idempotency_keys")
    idem_key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=8, default="running")
    status_code = models.SmallIntegerField(null=True, blank=True)
    response = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "idempotency_key"
        constraints = (models.UniqueConstraint(fields=("user", "idem_key"), name="idempotency_key_user"),)

    def __str__(self) -> str:
        return self.idem_key


class OAuthClient(models.Model):
    """What an OAuth2 client may be given at most, and the account it acts as when it acts for itself.

    `client_id` is that of the library's own table, which exists for web processes only.
    """

    client_id = models.CharField(max_length=255, unique=True)
    scopes = models.JSONField(default=list)
    account = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="oauth_clients")

    class Meta:
        db_table = "oauth_client"

    def __str__(self) -> str:
        return self.client_id
