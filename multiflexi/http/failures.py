"""Refusals that no view makes: the same facts as a page for people, and in the form of its surface for programs."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

FOR_PROGRAMS = ("/api/", "/oauth/token", "/oauth/introspect", "/oauth/revoke", "/.well-known/")
PROBLEM = "application/problem+json"
# Of a database that is away, is starting, or is too busy: the same request may be answered in a moment.
DATABASE_AWAY = (OperationalError, InterfaceError)
RETRY_SECONDS = 10


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks, for which a page would be of no use."""
    return request.path_info.startswith(FOR_PROGRAMS)


def failure(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """An answer of this status; `detail` is for people, `code` for programs."""
    title = HTTPStatus(status).phrase
    known = getattr(request, "request_id", None)
    if request.path_info.startswith("/api/v2/"):
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": request.path,
            "code": code,
            "errors": [],
            "request_id": known,
        }
        return JsonResponse(problem, status=status, content_type=PROBLEM)
    if is_api(request):
        return JsonResponse({"error": code, "message": detail, "success": False}, status=status)
    page = render_to_string(
        "error.html",
        {"status": status, "title": title, "detail": detail, "request_id": known},
    )
    return HttpResponse(page, status=status)


def database_is_away() -> str:
    """What people are told while the database cannot be asked."""
    return _("The database does not answer; try again in a moment.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a host name that is not ours, or a body that cannot be read."""
    from django.core.exceptions import DisallowedHost, RequestDataTooBig

    if isinstance(exception, RequestDataTooBig):
        return failure(request, 413, "body_too_large", _("The request is too large."))
    if isinstance(exception, DisallowedHost):
        return failure(
            request,
            400,
            "unknown_host",
            _("This name is not one of this installation; the administrator adds it to MULTIFLEXI_ALLOWED_HOSTS."),
        )
    return failure(request, 400, "bad_request", _("The request cannot be understood."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: known, but not permitted."""
    return failure(request, 403, "not_permitted", _("You may not do this; ask an administrator."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form that was not one of ours, or older than its sign-in."""
    return failure(
        request,
        403,
        "csrf_failed",
        _("This form is out of date or came from another site; load the page again and repeat what you did."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, or nothing for this caller."""
    return failure(request, 404, "not_found", _("There is nothing at this address."))


def broken(request: HttpRequest, *args: Any) -> HttpResponse:
    """500: our fault; the log has the reason under the id of the request. 503 while the database does not answer."""
    if isinstance(sys.exception(), DATABASE_AWAY):
        answer = failure(request, 503, "database_unavailable", database_is_away())
        answer["Retry-After"] = str(RETRY_SECONDS)
        return answer
    detail = _("Something went wrong here; the administrator finds the reason in the log by the number of the request.")
    return failure(request, 500, "internal_error", detail)
