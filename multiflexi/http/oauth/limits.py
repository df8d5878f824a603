"""How often programs may ask for tokens: what is refused counts as a failed sign-in of client and address."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from multiflexi.http.proxies import client_address
from multiflexi.http.throttling import standard_headers
from multiflexi.services import rate_limit
from multiflexi.services.rate_limit import Decision, Scope, Unavailable

View = Callable[..., HttpResponseBase]
RETRY_SECONDS = 10


def limited(view: View) -> View:
    """The view, refusing with 429 whoever asked too often; what succeeds is not held against anybody."""

    # Counting needs no cookie, and the view itself has none.
    @csrf_exempt
    @wraps(view)
    def handle(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        address = rate_limit.client(address=client_address(request))
        who = f"oauth:{_client(request)}@{address}"
        try:
            for scope, one in ((Scope.USER, address), (Scope.OAUTH, who)):
                decision = rate_limit.take(scope, one)
                if decision and not decision.allowed:
                    return _too_many(decision)
        except Unavailable:
            told = _("Requests cannot be counted at the moment; try again later.")
            return refused(503, "temporarily_unavailable", told, {"Retry-After": str(RETRY_SECONDS)})
        response = view(request, *arguments, **named)
        if response.status_code < 400:
            rate_limit.give_back(Scope.OAUTH, who)
        return response

    return handle


def _client(request: HttpRequest) -> str:
    """The client that a request names, truly or not, in a short form."""
    scheme, _space, value = request.headers.get("Authorization", "").partition(" ")
    name = request.POST.get("client_id", "")
    if scheme.lower() == "basic":
        try:
            name = base64.b64decode(value.strip(), validate=True).decode("latin-1").partition(":")[0]
        except (binascii.Error, ValueError):
            name = ""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _too_many(decision: Decision) -> HttpResponse:
    told = _("Too many requests; try again in %(seconds)d seconds.") % {"seconds": decision.retry_after}
    headers = {**standard_headers(decision), "Retry-After": str(decision.retry_after)}
    return refused(429, "too_many_requests", told, headers)


def refused(status: int, code: str, told: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """A refusal in the words of RFC 6749, 5.2."""
    body = {"error": code, "error_description": told}
    return JsonResponse(body, status=status, headers={**(headers or {}), "Cache-Control": "no-store"})
