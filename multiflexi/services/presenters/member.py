"""Record type "company user": a membership."""

from __future__ import annotations

from typing import Any

from multiflexi.models import CompanyUser
from multiflexi.services.lists import same

SORTABLE = same(
    "id", "company_id", "user_id", "role", "created_at", "expires_at", login="user__login", company_slug="company__slug"
)


def row(member: CompanyUser) -> dict[str, Any]:
    return {
        "id": member.pk,
        "company_id": member.company_id,
        "company_slug": member.company.slug,
        "company_name": member.company.name,
        "user_id": member.user_id,
        "login": member.user.login,
        "role": member.role,
        "created_at": member.created_at,
        "expires_at": member.expires_at,
    }
