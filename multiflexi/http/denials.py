"""What somebody was not permitted to do is told in the audit trail."""

from __future__ import annotations

from django.http import HttpRequest

from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services.errors import NotPermitted


def record(actor: Actor, request: HttpRequest, error: NotPermitted) -> None:
    """Write an entry about a refusal of a known caller; call it outside of the transaction that was undone."""
    if actor.user_id is None:
        return
    audit.write(
        actor,
        "denied",
        "Request",
        event_type="access_denied",
        outcome="denied",
        severity="medium",
        description=error.message,
        data={"method": request.method, "path": request.path_info, **error.details},
    )
