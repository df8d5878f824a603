"""A job for every run template of one interval, outside of the cadence."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from multiflexi.jobs.create import NewJob, create_jobs
from multiflexi.jobs.queue import backend
from multiflexi.models import RunTemplate
from multiflexi.record.actor import Actor
from multiflexi.scheduling.intervals import INTERVALS

AT_ONCE = 1000


def enqueue_interval(code: str, actor: Actor) -> int:
    """Make a job, due after its `delay`, of each schedulable run template with this interval; returns how many.

    No slot is used up and no task opened, so the cadence goes on as if nothing had happened. All are made or none.
    `actor` names the account in whose name they run.
    """
    assert actor.user_id is not None  # noqa: S101 - every job belongs to an account
    now, word, made, last = backend().now(), INTERVALS[code].word, 0, 0
    with transaction.atomic():
        while True:
            rows = RunTemplate.objects.filter(interv=code, next_schedule__isnull=False, pk__gt=last)
            templates = list(rows.order_by("pk")[:AT_ONCE])
            if not templates:
                return made
            wanted = [NewJob(one, word, actor.user_id, after=now + timedelta(seconds=one.delay)) for one in templates]
            made += len(create_jobs(wanted, actor=actor, now=now))
            last = templates[-1].pk
