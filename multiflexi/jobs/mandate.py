"""Whether who asked for a job may still run it: jobs of pages and APIs run on the rights of a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.access.authority import Authority, narrowed, of_users
from multiflexi.models import Job, OAuthClient, ScheduleType, Token, User
from multiflexi.record.actor import Actor, Origin

OF_PEOPLE = (Origin.WEB, Origin.API)
_MEMBER, _TOKEN, _CLIENT = "asked_through", "token", "client"
BY_CLIENT = f"options__{_CLIENT}"


def options_of(actor: Actor) -> dict[str, Any] | None:
    """What a new job keeps of how it was asked for; None where no person's rights count."""
    if actor.origin not in OF_PEOPLE:
        return None
    by = {_TOKEN: actor.token_id, _CLIENT: actor.client and actor.client.id}
    return {_MEMBER: str(actor.origin), **{name: one for name, one in by.items() if one is not None}}


def missing(jobs: Sequence[Job]) -> dict[int, str]:
    """Of these jobs those that must not start, with a reason that a person understands.

    No query for jobs of the platform or the command line, three for all others together, and one more each for those
    asked for by API tokens and by OAuth2 clients. That a token is over by now takes nothing back, that it was revoked
    does.
    """
    asked = [job for job in jobs if (job.options or {}).get(_MEMBER) in OF_PEOPLE]
    if not asked:
        return {}
    users = User.objects.in_bulk({job.launched_by_id for job in asked})
    held = of_users(users.values())
    numbers, names = _named(asked, _TOKEN), _named(asked, _CLIENT)
    tokens = Token.objects.filter(revoked_at=None).in_bulk(numbers) if numbers else {}
    clients = OAuthClient.objects.in_bulk(names, field_name="client_id") if names else {}
    found: dict[int, str] = {}
    for job in asked:
        options: Any = job.options
        token = tokens.get(options.get(_TOKEN))
        if _TOKEN in options and token is None:
            found[job.pk] = _("The token by which this job was asked for is revoked.")
        elif _CLIENT in options and options[_CLIENT] not in clients:
            found[job.pk] = _("The application by which this job was asked for is no longer registered.")
        else:
            rights = held[job.launched_by_id]
            rights = narrowed(rights, token.scopes, token.company_ids) if token else rights
            if reason := _reason(job, users[job.launched_by_id], rights):
                found[job.pk] = reason
    return found


def _named(jobs: Sequence[Job], member: str) -> set[Any]:
    return {one for job in jobs if (one := (job.options or {}).get(member)) is not None}


def _reason(job: Job, user: User, held: Authority) -> str | None:
    told = {"login": user.login}
    if not user.is_active:
        return _("The account %(login)s, which asked for this job, is disabled.") % told
    # A retry keeps the values somebody was allowed to give.
    other_values = bool(job.overrides) and job.schedule_type != ScheduleType.RETRY
    needed = ("jobs.create", "jobs.execute") if other_values else ("jobs.create",)
    if all(held.allows(name, job.company_id) for name in needed):
        return None
    return (
        _("%(login)s, who asked for this job, may not run it any more: role, membership or token has changed.") % told
    )
