"""Record type "limit"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import NamedLimit
from multiflexi.services.lists import same

SORTABLE = same("id", "name", "company_id", "maximum", "used")


def row(limit: NamedLimit) -> dict[str, Any]:
    """Takes a limit of the service's query. `holders` are the jobs the caller may see, `used` counts all of them."""
    users = sorted(limit.users.all(), key=lambda one: one.pk)
    return {
        "id": limit.pk,
        "name": limit.name,
        "company_id": limit.company_id,
        "maximum": limit.maximum,
        "used": getattr(limit, "used"),  # noqa: B009 - an annotation
        "holders": [one.job_id for one in getattr(limit, "seen_holders")],  # noqa: B009
        "apps": [one.app.name for one in users if one.app],
        "credential_types": [one.credential_type.name for one in users if one.credential_type],
    }
