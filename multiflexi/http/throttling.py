"""Rate limits at the door of both APIs; pages call `take` with a request of theirs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from multiflexi.http.proxies import client_address
from multiflexi.models import User
from multiflexi.services import rate_limit
from multiflexi.services.rate_limit import Decision, Exceeded, Scope, Unavailable


class CannotCount(APIException):
    """Requests of this kind are refused while they cannot be counted."""

    status_code = 503
    default_code = "rate_limit_unavailable"
    default_detail = "Requests cannot be counted at the moment; try again later."


def take(request: HttpRequest | Request, scope: Scope | None = None) -> Decision | None:
    """Count a request, once: by token, else user, else address; signing in always by address. None: not counted.

    An OAuth2 application with a limit of its own is counted by itself, whoever it acts for.

    Raises Unavailable for scopes that fail closed.
    """
    plain: Any = getattr(request, "_request", request)
    user = request.user if isinstance(getattr(request, "user", None), User) else None
    scope = scope or (Scope.USER if user else Scope.ANON)
    asks = getattr(getattr(request, "auth", None), "client", None)
    limit = rate_limit.limit_of_client(asks.id, scope) if asks else None
    if scope is Scope.LOGIN:
        who = rate_limit.client(address=client_address(plain))
    elif asks and limit:
        who = f"client:{asks.id}"
    else:
        who = rate_limit.client(
            token_id=getattr(getattr(request, "auth", None), "token_id", None),
            user_id=user.pk if user else None,
            address=client_address(plain),
        )
    decision = rate_limit.take(scope, who, limit)
    plain.rate_decision = decision
    return decision


def decision_of(request: HttpRequest | Request) -> Decision | None:
    """What was decided about this request, None when it was not counted."""
    plain = getattr(request, "_request", request)
    found: Decision | None = getattr(plain, "rate_decision", None)
    return found


def at_door(request: HttpRequest | Request, error: Exception) -> Exception:
    """What a refusal of a service that counts something itself is at the door of an API; others stay what they are."""
    if isinstance(error, Unavailable):
        return CannotCount()
    if isinstance(error, Exceeded):
        plain: Any = getattr(request, "_request", request)
        plain.rate_decision = error.decision
        return Throttled(error.retry_after, error.message)
    return error


class RateLimit(BaseThrottle):
    """Counts in the scope that the view names by `rate_scope`, an attribute or a method of the request."""

    def allow_request(self, request: Request, view: Any) -> bool:
        named = getattr(view, "rate_scope", None)
        scope = named(request) if callable(named) else named
        try:
            self._decision = take(request, Scope(scope) if scope else None)
        except Unavailable as error:
            raise CannotCount from error
        return self._decision is None or self._decision.allowed

    def wait(self) -> float | None:
        return float(self._decision.retry_after) if self._decision else None


def standard_headers(decision: Decision) -> Mapping[str, str]:
    """RateLimit and RateLimit-Policy of API v2."""
    return {
        "RateLimit-Policy": f'"{decision.scope}";q={decision.limit.requests};w={decision.limit.window}',
        "RateLimit": f'"{decision.scope}";r={decision.remaining};t={decision.reset}',
    }


def former_headers(decision: Decision) -> Mapping[str, str]:
    """X-RateLimit-* of the legacy API; the reset is a Unix time."""
    told = {
        "X-RateLimit-Limit": str(decision.limit.requests),
        "X-RateLimit-Remaining": str(decision.remaining),
        "X-RateLimit-Reset": str(reset_time(decision)),
    }
    return told if decision.allowed else {**told, "X-RateLimit-Retry-After": str(decision.retry_after)}


def reset_time(decision: Decision) -> int:
    """Unix time at which the window ends."""
    return math.ceil(time.time()) + decision.reset


class RateLimitedView:
    """For API views: counts requests and tells the client, in the headers of its surface."""

    throttle_classes = (RateLimit,)
    rate_scope: str | Callable[[Request], str | None] | None = None
    rate_headers: Callable[[Decision], Mapping[str, str]] = staticmethod(standard_headers)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        decision = decision_of(request)
        if decision:
            for name, value in self.rate_headers(decision).items():
                answer.headers[name] = value
        return answer
