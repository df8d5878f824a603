"""The history of jobs: one row for every transition and every stop request."""

from datetime import datetime

from django.utils import timezone

from multiflexi.models import JobHistory
from multiflexi.record.actor import Actor
from multiflexi.record.plain import clean_text


def row(
    job_id: int,
    from_status: str | None,
    to_status: str,
    *,
    actor: Actor,
    reason: str | None = None,
    detail: str | None = None,
    at: datetime | None = None,
    claim: int = 0,
) -> JobHistory:
    """An unsaved row, to be inserted in the transaction of the transition.

    `from_status` is None for a creation and equal to `to_status` for an adoption or a stop request. `detail` is a
    masked sentence. `at` defaults to now; `claim` is the fencing token after the transition.
    """
    return JobHistory(
        job_id=job_id,
        at=at or timezone.now(),
        from_status=from_status,
        to_status=to_status,
        claim=claim,
        actor=actor.label,
        reason=reason or None,
        detail=clean_text(detail) if detail else None,
    )
