"""What an account is told about itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from multiflexi.models import CompanyUser, User


def roles(user: User) -> list[str]:
    """Names of the system roles that are in force."""
    return list(user.role_assignments.in_force().order_by("role__name").values_list("role__name", flat=True))


def companies(user: User, only: Collection[int] | None = None, but: Collection[int] = ()) -> list[dict[str, Any]]:
    """Companies the account is a member of, with its role; `only` those a token is bound to, `but` the closed ones."""
    rows = CompanyUser.objects.in_force().filter(user=user).select_related("company").order_by("company__name", "pk")
    if only is not None:
        rows = rows.filter(company_id__in=only)
    if but:
        rows = rows.exclude(company_id__in=but)
    return [
        {"id": row.company_id, "name": row.company.name, "slug": row.company.slug, "role": row.role} for row in rows
    ]
