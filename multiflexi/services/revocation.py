"""Taking rights away counts at once, also for jobs that have not started."""

from __future__ import annotations

from django.utils.translation import gettext as _

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


def of_client(actor: Actor, client_id: str, user: User | None = None) -> list[int]:
    """Cancel the waiting jobs that an OAuth2 client asked for, for one account or for all; returns their ids."""
    jobs = Job.objects.filter(**{mandate.BY_CLIENT: client_id})
    if user is not None:
        jobs = jobs.filter(launched_by=user)
    return job_stop.cancel_waiting(actor, jobs, _("The application that asked for this job may not do so any more."))
