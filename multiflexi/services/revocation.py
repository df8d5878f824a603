"""Taking rights away counts at once, also for jobs that have not started."""

from __future__ import annotations

from multiflexi.jobs import mandate
from multiflexi.models import Job, JobStatus, User
from multiflexi.record.actor import Actor
from multiflexi.services import job_stop


def recheck(actor: Actor, user: User) -> list[int]:
    """Cancel the waiting jobs the account asked for through pages or API and may not run any more; returns their ids.

    Call it in the transaction that takes the rights away. Those taken by an executor meanwhile are judged before
    their start.
    """
    waiting = Job.objects.filter(launched_by=user, status=JobStatus.PENDING).order_by("pk")
    reasons = mandate.missing(list(waiting))
    cancelled: list[int] = []
    for reason in sorted(set(reasons.values())):
        ids = [number for number, one in reasons.items() if one == reason]
        cancelled += job_stop.cancel_waiting(actor, Job.objects.filter(pk__in=ids), reason)
    return cancelled
