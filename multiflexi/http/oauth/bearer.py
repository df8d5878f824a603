"""Access tokens as they are presented to the APIs."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext as _
from oauth2_provider.models import get_access_token_model
from rest_framework.request import Request

from multiflexi.http.authentication import Presented, Proven
from multiflexi.http.oauth.validator import PREFIX
from multiflexi.models import OAuthClient, User
from multiflexi.record.actor import Client
from multiflexi.services.errors import BadCredential


def access_token(request: Request, value: str) -> Proven | None:
    """Account and scopes of an access token, None for tokens of other kinds. Raises BadCredential."""
    if not value.startswith(PREFIX):
        return None
    checksum = hashlib.sha256(value.encode()).hexdigest()
    tokens = get_access_token_model().objects.select_related("user", "application")
    found = tokens.filter(token_checksum=checksum).first()
    user = _holder(found) if found else None
    if user is None:
        raise BadCredential(_("The token is unknown, expired or revoked; create a new one."), "bad_token")
    client = Client(found.application.client_id, found.application.name) if found.application else None
    return user, Presented("oauth", scopes=frozenset(found.scope.split()), access_id=found.pk, client=client)


def counts(number: int) -> bool:
    """Whether this access token is still one, and not over."""
    found = get_access_token_model().objects.filter(pk=number).first()
    return found is not None and bool(found.is_valid())


def is_good(found: object) -> bool:
    """Whether a stored access token is worth anything now."""
    return _holder(found) is not None


def _holder(found: object) -> User | None:
    user = _account(found) if found.is_valid() else None  # type: ignore[attr-defined]
    return user if user is not None and user.is_active else None


def _account(found: object) -> User | None:
    """The person who gave the token, or the account of a client that acts for itself."""
    if found.user is not None:  # type: ignore[attr-defined]
        return found.user  # type: ignore[attr-defined]
    limits = OAuthClient.objects.select_related("account")
    client = limits.filter(client_id=found.application.client_id).first()  # type: ignore[attr-defined]
    return client.account if client else None
