"""System roles and the permissions they grant."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from multiflexi.models.base import Timestamped
from multiflexi.models.user import User


class Permission(Timestamped):
    """A right, named `resource.action`."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(default="", blank=True)
    resource = models.CharField(max_length=50)
    action = models.CharField(max_length=50)
    is_system = models.BooleanField(default=False)

    class Meta:
        db_table = "rbac_permissions"

    def __str__(self) -> str:
        return self.name


class Role(Timestamped):
    """A system-wide role, independent of company membership."""

    name = models.CharField(max_length=50, unique=True)
    display_name = models.CharField(max_length=100)
    description = models.TextField(default="", blank=True)
    is_system = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    permissions = models.ManyToManyField(Permission, through="RolePermission", related_name="roles")

    class Meta:
        db_table = "rbac_roles"

    def __str__(self) -> str:
        return self.name


class RolePermission(models.Model):
    """A permission granted to a role."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE)
    permission = models.ForeignKey(Permission, on_delete=models.CASCADE)
    granted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_column="granted_by", related_name="+"
    )
    granted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "rbac_role_permissions"
        constraints = (models.UniqueConstraint(fields=("role", "permission"), name="rbac_role_permissions_pair"),)

    def __str__(self) -> str:
        return f"{self.role_id}:{self.permission_id}"


class UserRoleQuerySet(models.QuerySet["UserRole"]):
    """Assignments of roles."""

    def in_force(self, now: datetime | None = None) -> UserRoleQuerySet:
        """Assignments that have not expired, of roles that are switched on."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now or timezone.now()), role__is_active=True)


class UserRole(models.Model):
    """A role held by a user, for ever or until a date."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="assignments")
    assigned_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, db_column="assigned_by", related_name="+"
    )
    assigned_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = UserRoleQuerySet.as_manager()

    class Meta:
        db_table = "rbac_user_roles"
        constraints = (models.UniqueConstraint(fields=("user", "role"), name="rbac_user_roles_pair"),)

    def __str__(self) -> str:
        return f"{self.user_id}:{self.role_id}"
