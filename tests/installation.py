"""What tests of every kind begin with: rows of the first migrations, people who can sign in, processes beside them."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from multiflexi.models import Company, CompanyUser, Role, User, UserRole
from tests.http import password_of


def first_rows() -> None:
    """What the first migrations made, where an emptied database has lost it."""
    if not User.objects.filter(is_system=True).exists():
        # Some two hundred rows: in one transaction, or each of them waits for the disk.
        with transaction.atomic():
            importlib.import_module("multiflexi.migrations.0004_roles").add(apps, None)


def person(login: str, system_role: str, hasher: str = "default", **roles: Company) -> User:
    """An account with the cast's password; other processes know only hashes that are not for tests alone: `argon2`."""
    password = make_password(password_of(login), hasher=hasher)
    user = User.objects.create(login=login, email=f"{login}@example.org", password=password)
    UserRole.objects.create(user=user, role=Role.objects.get(name=system_role))
    for role, company in roles.items():
        CompanyUser.objects.create(user=user, company=company, role=role)
    return user


def environment_of_processes(scratch: Path) -> dict[str, str]:
    """Environment of a process of the platform that uses the test's database and directories below `scratch`."""
    return os.environ | {
        "DB_DATABASE": str(connection.settings_dict["NAME"]),
        "DJANGO_SETTINGS_MODULE": "multiflexi.settings",
        "MULTIFLEXI_TMP": str(scratch / "tmp"),
        "MULTIFLEXI_SPOOL": str(scratch / "spool"),
    }
