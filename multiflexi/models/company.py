"""Tenants: companies, their variables, applications, members, contacts and labels."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.base import TenantModel, TenantQuerySet, Timestamped, one_of


class Contact(Timestamped):
    """A client's contact person."""

    firstname = models.CharField(max_length=150, default="", blank=True)
    lastname = models.CharField(max_length=150, default="", blank=True)
    email = models.EmailField(null=True, blank=True, db_index=True)
    phone = models.CharField(max_length=32, null=True, blank=True)

    class Meta:
        db_table = "contact"

    def __str__(self) -> str:
        return f"{self.firstname} {self.lastname}".strip()


class Topic(models.Model):
    """A coloured label."""

    topic = models.CharField(max_length=190, unique=True)
    color = models.CharField(max_length=7, default="#C0C0C0")

    class Meta:
        db_table = "topic"

    def __str__(self) -> str:
        return self.topic


class Company(TenantModel, Timestamped):
    """The tenant everything else is scoped to."""

    company_path: ClassVar[str] = "id"

    name = models.CharField(max_length=255)
    slug = models.CharField(max_length=64, default="", blank=True)
    enabled = models.BooleanField(default=True)
    settings = models.JSONField(null=True, blank=True)
    logo = models.TextField(default="", blank=True)
    ic = models.CharField(max_length=32, null=True, blank=True)
    dic = models.CharField(max_length=32, null=True, blank=True)
    email = models.CharField(max_length=254, null=True, blank=True)
    phone = models.CharField(max_length=32, null=True, blank=True)
    customer = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, db_column="customer", related_name="companies"
    )
    zabbix_host = models.CharField(max_length=255, null=True, blank=True)
    timezone = models.CharField(max_length=64, null=True, blank=True)
    language = models.CharField(max_length=10, null=True, blank=True)
    color = models.CharField(max_length=7, null=True, blank=True)
    max_running = models.PositiveIntegerField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    retention_until = models.DateTimeField(null=True, blank=True, db_index=True)
    marked_for_deletion = models.BooleanField(default=False, db_index=True)
    topics = models.ManyToManyField(Topic, through="CompanyTopic", related_name="companies")

    class Meta:
        db_table = "company"
        constraints = (
            models.UniqueConstraint(fields=("name", "slug"), name="company_name_slug"),
            # MariaDB has no partial unique index; migration 0003 gives it a generated column instead.
            models.UniqueConstraint(fields=("slug",), condition=~models.Q(slug=""), name="company_slug"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        """The short name jobs know as MULTIFLEXI_COMPANY_CODE."""
        return self.slug


class CompanyEnv(TenantModel):
    """One environment variable of a company; a secret value is an envelope."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="environment")
    keyword = models.CharField(max_length=255)
    value = models.TextField(default="", blank=True)
    secret = models.BooleanField(default=False)

    class Meta:
        db_table = "company_env"
        constraints = (models.UniqueConstraint(fields=("company", "keyword"), name="company_env_keyword"),)

    def __str__(self) -> str:
        return self.keyword


class CompanyApp(TenantModel):
    """An application switched on for a company."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="company_apps")
    app = models.ForeignKey("Application", on_delete=models.CASCADE, related_name="company_apps")

    class Meta:
        db_table = "companyapp"
        constraints = (models.UniqueConstraint(fields=("app", "company"), name="companyapp_pair"),)

    def __str__(self) -> str:
        return f"{self.company_id}:{self.app_id}"


class CompanyRole(models.TextChoices):
    """What a member may do in a company, in rising order."""

    VIEWER = "viewer", _("Viewer")
    MANAGER = "manager", _("Manager")
    ADMIN = "admin", _("Administrator")


class CompanyUserQuerySet(TenantQuerySet["CompanyUser"]):
    """Memberships."""

    def in_force(self, now: datetime | None = None) -> Self:
        """Those that have not ended."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now or timezone.now()))


class CompanyUser(TenantModel):
    """Membership of a user in a company, for ever or until a date."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey("User", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=32, choices=CompanyRole.choices, default=CompanyRole.VIEWER)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = CompanyUserQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        db_table = "company_user"
        constraints = (
            models.UniqueConstraint(fields=("company", "user"), name="company_user_pair"),
            one_of("role", CompanyRole.values, "company_user"),
        )

    def __str__(self) -> str:
        return f"{self.user_id}@{self.company_id}:{self.role}"


class CompanyTopic(TenantModel):
    """A label on a company."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)

    class Meta:
        db_table = "company_topics"
        constraints = (models.UniqueConstraint(fields=("company", "topic"), name="company_topics_pair"),)

    def __str__(self) -> str:
        return f"{self.company_id}:{self.topic_id}"
