"""What was refused for want of a right is told to the audit trail, whatever surface it was asked through.

Written after the answer is made, outside of every transaction of the view, which has been rolled back by then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from multiflexi.http.requests import actor_of
from multiflexi.record import audit
from multiflexi.record.actor import Actor, Origin
from multiflexi.services.errors import NotPermitted
from multiflexi.vault.errors import VaultError

Handler = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger(__name__)


def note(request: Any, error: Exception, origin: Origin = Origin.API) -> None:
    """Remember the refusal of this request, if it is one; exception handlers of both APIs call it."""
    if isinstance(error, NotPermitted):
        plain = getattr(request, "_request", request)
        plain.denial = (actor_of(request, origin), error)


def record_denials(answer: Handler) -> Handler:
    """Middleware: write what was noted. Pages need no call, their exceptions come by here."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        denial = getattr(request, "denial", None)
        if denial is not None:
            _write(request, *denial)
        return response

    handle.process_exception = lambda request, error: note(request, error, Origin.WEB)  # type: ignore[attr-defined]
    return handle


def _write(request: HttpRequest, actor: Actor, error: NotPermitted) -> None:
    try:
        audit.write(
            actor,
            "denied",
            "Request",
            event_type="access_denied",
            severity="medium",
            outcome="denied",
            company_id=error.details.get("company_id"),
            description=error.message,
            data={
                "method": request.method,
                "path": request.path,
                "code": error.code,
                "permission": error.details.get("permission"),
            },
        )
    except (DatabaseError, VaultError):
        # The answer is a refusal in any case.
        log.exception("a refusal cannot be written to the audit trail")
