"""Whether who asked for a job may still run it: jobs of pages and APIs run on the rights of a person."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from multiflexi.access.authority import Authority, of_users
from multiflexi.models import Job, ScheduleType, User
from multiflexi.record.actor import Actor, Origin

OF_PEOPLE = (Origin.WEB, Origin.API)
_MEMBER = "asked_through"


def options_of(actor: Actor) -> dict[str, str] | None:
    """What a new job keeps of the surface it was asked for through; None where no person's rights count."""
    return {_MEMBER: str(actor.origin)} if actor.origin in OF_PEOPLE else None


def missing(jobs: Sequence[Job]) -> dict[int, str]:
    """Of these jobs those that must not start, with a reason that a person understands.

    No query for jobs of the platform or the command line, three for all others together.
    """
    asked = [job for job in jobs if (job.options or {}).get(_MEMBER) in OF_PEOPLE]
    if not asked:
        return {}
    users = User.objects.in_bulk({job.launched_by_id for job in asked})
    held = of_users(users.values())
    return {
        job.pk: reason
        for job in asked
        if (reason := _reason(job, users[job.launched_by_id], held[job.launched_by_id])) is not None
    }


def _reason(job: Job, user: User, held: Authority) -> str | None:
    told = {"login": user.login}
    if not user.is_active:
        return _("The account %(login)s, which asked for this job, is disabled.") % told
    # A retry keeps the values somebody was allowed to give.
    other_values = bool(job.overrides) and job.schedule_type != ScheduleType.RETRY
    needed = ("jobs.create", "jobs.execute") if other_values else ("jobs.create",)
    if all(held.allows(name, job.company_id) for name in needed):
        return None
    return _("%(login)s, who asked for this job, may not run it any more: role or membership has changed.") % told
