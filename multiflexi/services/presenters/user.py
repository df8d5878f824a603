"""Record type "user"."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.models import User
from multiflexi.services.lists import same
from multiflexi.services.second_factor import came_with

SORTABLE = same(
    "id",
    "enabled",
    "email",
    "firstname",
    "lastname",
    "password_changed_at",
    "last_login_ip",
    "login",
    "deleted_at",
    "anonymized_at",
    "last_activity_at",
    "inactive_since",
    "retention_until",
    last_login_at="last_login",
    DatCreate="created_at",
    DatSave="updated_at",
)


def row(user: User) -> dict[str, Any]:
    """The password hash is never shown; members without a column of ours keep their type for old clients."""
    return {
        "id": user.pk,
        "enabled": user.enabled,
        "settings": None if user.settings is None else json.dumps(user.settings),
        "email": user.email,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "password": None,
        "password_changed_at": user.password_changed_at,
        "password_expires_at": None,
        "failed_login_attempts": 0,
        "locked_until": None,
        "two_factor_enabled": came_with(user),
        "last_login_ip": user.last_login_ip,
        "last_login_at": user.last_login,
        "security_settings": None,
        "login": user.login,
        "DatCreate": user.created_at,
        "DatSave": user.updated_at,
        "last_modifier_id": None,
        "deleted_at": user.deleted_at,
        "deletion_reason": user.deletion_reason,
        "anonymized_at": user.anonymized_at,
        "last_activity_at": user.last_activity_at,
        "inactive_since": user.inactive_since,
        "retention_until": user.retention_until,
    }
