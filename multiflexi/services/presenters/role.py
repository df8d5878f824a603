"""Record type "role", and a role as an account holds it."""

from __future__ import annotations

from typing import Any

from multiflexi.models import Role, UserRole
from multiflexi.services.lists import same

SORTABLE = same("id", "name", "display_name", "is_system", "is_active")


def row(role: Role) -> dict[str, Any]:
    return {
        "id": role.pk,
        "name": role.name,
        "display_name": role.display_name,
        "description": role.description or None,
        "is_system": role.is_system,
        "is_active": role.is_active,
        "permissions": sorted(one.name for one in role.permissions.all()),
    }


ASSIGNMENT_SORTABLE = same(
    "id",
    "user_id",
    "role_id",
    "assigned_at",
    "expires_at",
    login="user__login",
    name="role__name",
    display_name="role__display_name",
)


def assignment(one: UserRole) -> dict[str, Any]:
    return {
        "id": one.pk,
        "user_id": one.user_id,
        "login": one.user.login,
        "role_id": one.role_id,
        "name": one.role.name,
        "display_name": one.role.display_name,
        "assigned_at": one.assigned_at,
        "expires_at": one.expires_at,
    }


def held(assignment: UserRole) -> dict[str, Any]:
    return {
        "id": assignment.role_id,
        "name": assignment.role.name,
        "display_name": assignment.role.display_name,
        "assigned_at": assignment.assigned_at,
        "expires_at": assignment.expires_at,
    }
