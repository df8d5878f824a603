"""Which pages take a sign-in, and which take a fresh proof of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from multiflexi.http import sessions

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Send everybody else to the sign-in page, and back afterwards."""

    @wraps(view)
    @never_cache
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *arguments, **named)
        return _redirect("sign_in", request)

    return guarded


def confirmed(view: View) -> View:
    """Ask for the password again unless that was done in the last minutes."""

    @wraps(view)
    @signed_in
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if sessions.proven_lately(request):
            return view(request, *arguments, **named)
        return _redirect("confirm", request)

    return guarded


def _redirect(name: str, request: HttpRequest) -> HttpResponse:
    # What was posted is gone after the detour, so the way back leads to the page it was posted from.
    back = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("security")
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': back})}")
