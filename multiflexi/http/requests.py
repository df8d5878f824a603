"""Every request has an id, which its answer, its log lines and its audit entries carry."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from multiflexi.access.authority import Authority, of_user
from multiflexi.http.proxies import client_address
from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import address_list, sign_in

Handler = Callable[[HttpRequest], HttpResponse]
_USABLE = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")


def identify(answer: Handler) -> Handler:
    """Middleware: take the caller's `X-Request-ID` where it is usable, else make one, and echo it."""

    def handle(request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Request-ID", "")
        request.request_id = told if _USABLE.fullmatch(told) else uuid.uuid4().hex  # type: ignore[attr-defined]
        response = answer(request)
        response.headers.setdefault("X-Request-ID", request.request_id)  # type: ignore[attr-defined]
        return response

    return handle


def actor_of(request: HttpRequest, origin: Origin) -> Actor:
    """Who asks by this request, with what they may do, read once per request; a DRF request will do as well."""
    user = request.user
    presented = getattr(request, "auth", None)
    return Actor(
        user_id=user.pk if isinstance(user, User) else None,
        origin=origin,
        token_id=getattr(presented, "token_id", None),
        request_id=getattr(request, "request_id", None),
        ip=client_address(request),
        agent=request.headers.get("User-Agent"),
        client=getattr(presented, "client", None),
        grants=_grants(request),
    )


def actor_anew(request: HttpRequest, origin: Origin) -> Actor:
    """As `actor_of`, with the rights read again: for a request that has just given some to its own caller."""
    plain: Any = getattr(request, "_request", request)
    plain.authority = None, None
    return actor_of(request, origin)


def _grants(request: HttpRequest) -> Authority:
    plain: Any = getattr(request, "_request", request)
    user = request.user if isinstance(request.user, User) else None
    asked_for, known = getattr(plain, "authority", (None, None))
    if known is None or asked_for != (user and user.pk):
        if user is not None:
            sign_in.note_activity(user)
        known = authority_of(user, getattr(request, "auth", None), client_address(request))
        plain.authority = user and user.pk, known
    return known


def authority_of(user: User | None, presented: Any, address: str | None) -> Authority:
    """What the account may do by the credential it presented, from the address it comes from."""
    return of_user(
        user,
        scopes=getattr(presented, "scopes", None),
        only_companies=getattr(presented, "only_companies", None),
        closed=address_list.closed_companies(address) if user else (),
    )
