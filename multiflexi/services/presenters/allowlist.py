"""Record type "allowed network"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import AllowedNetwork


def row(entry: AllowedNetwork) -> dict[str, Any]:
    """`company_id` is null for the list of the installation."""
    return {
        "id": entry.pk,
        "network": entry.network,
        "company_id": entry.company_id,
        "note": entry.description,
        "expires_at": entry.expires_at,
        "active": entry.active,
    }
