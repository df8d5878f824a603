"""Who asks: the ways to prove it, strongest first. A credential that is present but wrong is refused, never skipped.

Public views name no authentication classes; a view that takes `?token=` appends TokenParameter to AUTHENTICATION.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from multiflexi.http.proxies import client_address
from multiflexi.http.sessions import NUMBER
from multiflexi.models import User
from multiflexi.record.actor import Client
from multiflexi.services import second_factor, sign_in, token_check, web_sessions
from multiflexi.services.errors import BadCredential, TooMany

REALM = "MultiFlexi"


@dataclass(frozen=True, slots=True)
class Presented:
    """The credential of a request; None for scopes or companies: all of the account's.

    It stands and falls with an API token, an access token of OAuth2, or a session, where it has one of these.
    """

    kind: str
    token_id: int | None = None
    scopes: frozenset[str] | None = None
    only_companies: frozenset[int] | None = None
    access_id: int | None = None
    session: str | None = None
    client: Client | None = None


Proven = tuple[User, Presented]


def api_token(request: Request, value: str) -> Proven | None:
    """Account and limits of an API token. Raises BadCredential."""
    found = token_check.by_value(value, client_address(request))
    scopes = None if found.scopes is None else frozenset(found.scopes)
    companies = None if found.company_ids is None else frozenset(found.company_ids)
    return found.user, Presented("token", found.pk, scopes, companies)


def oauth_token(request: Request, value: str) -> Proven | None:
    """Account and scopes of an access token of OAuth2. Raises BadCredential."""
    # Its tables can be read once all applications are loaded.
    from multiflexi.http.oauth.bearer import access_token

    return access_token(request, value)


def counts_still(presented: Presented, user_id: int, address: str) -> bool:
    """Whether a credential that was good is so now; for what goes on after the request that it came with."""
    if presented.token_id is not None and not token_check.counts(presented.token_id, address):
        return False
    if presented.session is not None and not web_sessions.counts(presented.session, user_id):
        return False
    if presented.access_id is None:
        return True
    from multiflexi.http.oauth import bearer

    return bearer.counts(presented.access_id)


# Asked in turn for a bearer token; one answers None for tokens that are not of its kind, the last one judges.
BEARERS: tuple[Callable[[Request, str], Proven | None], ...] = (oauth_token, api_token)


def challenge(request: Request) -> str:
    """Value of WWW-Authenticate; without Basic for our own pages, where the browser would open a window."""
    own_page = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    return f'Bearer realm="{REALM}"' if own_page else f'Basic realm="{REALM}", Bearer realm="{REALM}"'


class _Way(BaseAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return challenge(request)

    def authenticate(self, request: Request) -> Proven | None:
        try:
            return self.proven(request)
        except BadCredential as error:
            raise AuthenticationFailed(error.message, error.code) from error
        except TooMany as error:
            raise Throttled(error.retry_after, error.message) from error

    def proven(self, request: Request) -> Proven | None:
        """Account and limits of the credential, None when there is none. Raises BadCredential."""
        raise NotImplementedError


class Basic(_Way):
    """`Authorization: Basic`; as the first class it also refuses schemes that nobody knows."""

    def proven(self, request: Request) -> Proven | None:
        scheme, value = _authorization(request)
        if scheme in ("", "bearer"):
            return None
        if scheme != "basic":
            _refuse(_("The Authorization header has an unknown scheme; use Basic or Bearer."))
        login, password = _pair(value)
        agent = request.headers.get("User-Agent", "")
        user = sign_in.by_password(login, password, address=client_address(request), agent=agent)
        second_factor.refuse_password_alone(user)
        return user, Presented("basic")


class Bearer(_Way):
    """`Authorization: Bearer`."""

    def proven(self, request: Request) -> Proven | None:
        scheme, value = _authorization(request)
        if scheme != "bearer":
            return None
        return next((found for reader in BEARERS if (found := reader(request, value))), None) or _refuse_token()


class ApiKey(_Way):
    """`X-API-Key`."""

    def proven(self, request: Request) -> Proven | None:
        value = request.headers.get("X-API-Key", "").strip()
        return api_token(request, value) if value else None


class Session(SessionAuthentication):
    """The session of a page; unsafe methods need the CSRF token (403 without)."""

    def authenticate_header(self, request: Request) -> str:
        return challenge(request)

    def authenticate(self, request: Request) -> Proven | None:
        found = super().authenticate(request)
        return (found[0], Presented("session", session=request.session.get(NUMBER))) if found else None


class ApiKeyParameter(_Way):
    """`?api_key=`, where the installation allows it: addresses are written to logs."""

    def proven(self, request: Request) -> Proven | None:
        value = request.query_params.get("api_key", "") if settings.API_TOKEN_IN_QUERY else ""
        return api_token(request, value) if value else None


class TokenParameter(_Way):
    """`?token=` of the views that declare it; empty counts as absent."""

    def proven(self, request: Request) -> Proven | None:
        value = request.query_params.get("token", "")
        return api_token(request, value) if value else None


AUTHENTICATION = (Basic, Bearer, ApiKey, Session, ApiKeyParameter)


def _authorization(request: Request) -> tuple[str, str]:
    scheme, _space, value = request.headers.get("Authorization", "").strip().partition(" ")
    return scheme.lower(), value.strip()


def _pair(value: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        _refuse(_("The Basic header is damaged; send login and password, joined by a colon, as Base64."))
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    login, _colon, password = text.partition(":")
    return login, password


def _refuse_token() -> NoReturn:
    _refuse(_("The token is unknown, expired or revoked; create a new one."))


def _refuse(message: str) -> NoReturn:
    raise BadCredential(message, "bad_credential")
