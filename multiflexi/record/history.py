"""The history of jobs: one row for every transition and every stop request."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from multiflexi.models import Job, JobHistory
from multiflexi.record.actor import Actor
from multiflexi.record.plain import clean_text


def row(
    job: Job,
    from_status: str | None,
    to_status: str,
    *,
    actor: Actor,
    reason: str | None = None,
    detail: str | None = None,
    at: datetime | None = None,
    claim: int | None = None,
) -> JobHistory:
    """An unsaved row, to be inserted in the transaction of the transition.

    `from_status` is None for a creation and equal to `to_status` for an adoption or a stop request. `detail` is a
    masked sentence. `at` defaults to now, `claim` to the job's own.
    """
    return JobHistory(
        job_id=job.pk,
        at=at or timezone.now(),
        from_status=from_status,
        to_status=to_status,
        claim=job.claim if claim is None else claim,
        actor=actor.label,
        reason=reason or None,
        detail=clean_text(detail) if detail else None,
    )


def rows(
    jobs: Iterable[Job],
    from_status: str | None,
    to_status: str,
    *,
    actor: Actor,
    reason: str | None = None,
    detail: str | None = None,
    at: datetime | None = None,
) -> list[JobHistory]:
    """Unsaved rows for jobs that make the same transition at the same instant."""
    moment = at or timezone.now()
    return [row(job, from_status, to_status, actor=actor, reason=reason, detail=detail, at=moment) for job in jobs]
