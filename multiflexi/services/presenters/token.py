"""Record type "token"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import Token
from multiflexi.services.lists import same
from multiflexi.vault.secrecy import MASK

SORTABLE = same("id", "start", "until", "user_id", "label", "last_used_at", "revoked_at")


def row(token: Token) -> dict[str, Any]:
    """`token` is its beginning and a mask; `user` is the number as text, which old clients hand back."""
    return {
        "id": token.pk,
        "token": f"{token.prefix}{MASK}",
        "start": token.start,
        "until": token.until,
        "user_id": token.user_id,
        "user": str(token.user_id),
        "login": token.user.login,
        "label": token.label or None,
        "scopes": token.scopes,
        "company_ids": token.company_ids,
        "networks": token.networks,
        "last_used_at": token.last_used_at,
        "last_used_ip": token.last_used_ip,
        "revoked_at": token.revoked_at,
    }
