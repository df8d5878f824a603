"""One log line for each request: who asked for what, how it ended and how long it took; never what was sent."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from multiflexi.http.proxies import client_address
from multiflexi.models import User
from multiflexi.monitoring import logs

Handler = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger(__name__)
# Parts of addresses that stand for a password.
SECRET_PARTS = frozenset({"key", "token", "uidb36"})
HIDDEN = "***"


def log_requests(answer: Handler) -> Handler:
    """Middleware: everything logged meanwhile carries the id of the request."""

    def handle(request: HttpRequest) -> HttpResponse:
        begin = time.perf_counter()
        with logs.bound(request=getattr(request, "request_id", None)):
            response = answer(request)
            spent = (time.perf_counter() - begin) * 1000
            level = logging.DEBUG if request.path_info.startswith(("/healthz", "/readyz")) else logging.INFO
            details = {"ip": client_address(request), "user": _user(request), "status": response.status_code}
            log.log(
                level, "%s %s %d %.0f ms", request.method, shown(request), response.status_code, spent, extra=details
            )
        return response

    return handle


def shown(request: HttpRequest) -> str:
    """The path, without what proves something; parameters are left out, since some clients send tokens in them."""
    path = request.path
    match = request.resolver_match
    for name, part in (match.kwargs if match else {}).items():
        if name in SECRET_PARTS:
            path = path.replace(str(part), HIDDEN)
    return path


def _user(request: HttpRequest) -> int | None:
    """Who was recognised while the request was answered; nobody is looked up for the line's sake."""
    user = request.__dict__.get("_cached_user") or request.__dict__.get("user")
    return user.pk if isinstance(user, User) else None
