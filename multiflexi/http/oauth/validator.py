"""Rules for handing out tokens that go beyond those of the library."""

from __future__ import annotations

import secrets
from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator

PREFIX = "mfo_"


def new_token(request: Any = None, refresh_token: bool = False) -> str:
    """A token of an OAuth2 client, told from an API token by its beginning."""
    return PREFIX + secrets.token_urlsafe(32)


class Validator(OAuth2Validator):
    """Tokens are for accounts that are enabled now."""

    def validate_code(self, client_id: Any, code: Any, client: Any, request: Any, *args: Any, **named: Any) -> bool:
        """Whether the code may be exchanged."""
        fits = _storable(code) and super().validate_code(client_id, code, client, request, *args, **named)
        return bool(fits) and _usable(request.user)

    def validate_refresh_token(self, refresh_token: Any, client: Any, request: Any, *args: Any, **named: Any) -> bool:
        """Whether the token may be exchanged for new ones."""
        fits = super().validate_refresh_token(refresh_token, client, request, *args, **named)
        return bool(fits) and _usable(request.user)

    def _load_application(self, client_id: Any, request: Any) -> Any:
        return super()._load_application(client_id, request) if _storable(client_id) else None


def _storable(text: Any) -> bool:
    """PostgreSQL refuses even to look for what it could not hold."""
    return "\0" not in str(text)


def _usable(user: Any) -> bool:
    return bool(user and user.is_active)
