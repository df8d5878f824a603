"""Credentials of the cast, as headers for Django's and DRF's test clients: `client.get(path, headers=basic(alice))`."""

import base64
import secrets
from typing import Any

from multiflexi.models import Token, User
from multiflexi.services import token_check


def password_of(login: str) -> str:
    """The password of a member of the cast."""
    return f"{login}'s pass:word ž"


def basic(user: User | str, password: str | None = None) -> dict[str, str]:
    """Header of HTTP Basic, with the cast's password unless another one is given."""
    login = user if isinstance(user, str) else user.login
    pair = f"{login}:{password_of(login) if password is None else password}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    """Header of a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def a_token(user: User, **limits: Any) -> str:
    """A new API token of the account; `limits` are columns such as scopes, company_ids, until. Needs the data keys."""
    value = f"mfx_{secrets.token_urlsafe(32)}"
    Token.objects.create(user=user, token_hash=token_check.hashed(value), prefix=value[:12], **limits)
    return value
