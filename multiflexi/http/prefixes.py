"""Every address answers at the root and under every configured prefix."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import set_script_prefix

from multiflexi.http.proxies import from_trusted_peer

Handler = Callable[[HttpRequest], HttpResponse]
# Nothing that a browser might read as the name of another host; a backslash is a slash to it.
_USABLE = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def strip_prefix(answer: Handler) -> Handler:
    """Middleware: take a known prefix off the path, so that routes match and addresses we make carry it."""

    def handle(request: HttpRequest) -> HttpResponse:
        prefix = _configured(request.path_info)
        if prefix:
            request.path_info = request.path_info[len(prefix) :]
        elif from_trusted_peer(request):
            # A proxy that took the prefix off itself tells it.
            prefix = _forwarded(request)
        script = request.META.get("SCRIPT_NAME", "").rstrip("/") + prefix
        request.META["SCRIPT_NAME"] = script
        set_script_prefix(f"{script}/")
        return answer(request)

    return handle


def _configured(path: str) -> str:
    return next((one for one in settings.MULTIFLEXI_PREFIXES if path == one or path.startswith(f"{one}/")), "")


def _forwarded(request: HttpRequest) -> str:
    told = request.headers.get("X-Forwarded-Prefix", "").rstrip("/")
    return told if _USABLE.fullmatch(told) else ""
