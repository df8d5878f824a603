"""Jobs that wait because a credential cannot be used now: how long and how often they may, and what wakes them."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import Job, QueueEntry, Task
from multiflexi.record.actor import Actor

REASON = "deferred"
JITTER = 0.1
LEAST_JITTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a job was deferred, since when, and until when it may be."""

    entry_id: int
    deferrals: int
    since: datetime
    deadline: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether it is not deferred once more."""
        return self.deferrals >= settings.MULTIFLEXI_DEFER_MAX or now >= self.deadline

    def next_try(self, valid_until: datetime, now: datetime, draw: random.Random | None = None) -> datetime:
        """When what is known now counts no more, with some jitter, but not later than the deadline."""
        pause = max((valid_until - now).total_seconds(), 0.0)
        spread = (draw or random).uniform(0.0, max(JITTER * pause, LEAST_JITTER_SECONDS))
        return min(now + timedelta(seconds=pause + spread), self.deadline)


@dataclass(frozen=True, slots=True)
class Deferral:
    """A claimed job that goes back until `after`; `reason` is masked."""

    job: Job
    patience: Patience
    after: datetime
    reason: str


def patience_of(jobs: Sequence[Job], now: datetime) -> dict[int, Patience]:
    """How long jobs may go on waiting, in two queries: to the deadline of the task, else for the configured hours."""
    windows = Task.objects.in_bulk([job.task_id for job in jobs if job.task_id])
    longest = timedelta(hours=settings.MULTIFLEXI_DEFER_MAX_HOURS)
    entries = {entry.job_id: entry for entry in QueueEntry.objects.filter(job_id__in=[job.pk for job in jobs])}
    found = {}
    for job in jobs:
        if (entry := entries.get(job.pk)) is not None:
            since = entry.deferred_since or now
            window = windows.get(job.task_id)
            found[job.pk] = Patience(
                entry.pk, entry.deferrals, since, window.deadline if window is not None else since + longest
            )
    return found


def defer(batch: Sequence[Deferral], *, actor: Actor) -> None:
    """Put claimed jobs back as the same jobs, without owner, lock and named limits; no attempt is counted.

    Raises StaleJobs when one of them is not ours any more; then none is put back.
    """
    if not batch:
        return
    with transaction.atomic():
        release([Release(one.job.pk, one.job.claim, reason=REASON, detail=one.reason) for one in batch], actor=actor)
        backend().update_rows(
            QueueEntry,
            [
                (
                    {
                        "after": one.after,
                        "deferrals": one.patience.deferrals + 1,
                        "defer_reason": one.reason,
                        "deferred_since": one.patience.since,
                    },
                    {"id": one.patience.entry_id},
                )
                for one in sorted(batch, key=lambda one: one.patience.entry_id)
            ],
        )


def wake(credential_ids: Collection[int]) -> int:
    """Let the jobs try now that were deferred and have one of these credentials; returns how many."""
    return _bring_forward(
        QueueEntry.objects.filter(
            deferred_since__isnull=False,
            runtemplate__assigned_credentials__credential_id__in=list(credential_ids),
        )
    )


def wake_those_of(template_ids: Collection[int]) -> int:
    """Let the deferred jobs of these run templates try now, whose credentials are others since; returns how many."""
    return _bring_forward(QueueEntry.objects.filter(deferred_since__isnull=False, runtemplate_id__in=template_ids))


def hurry(job_ids: Collection[int], seconds: float) -> int:
    """Let those of the jobs try now that went back for at most so many seconds; returns how many."""
    latest = backend().now() + timedelta(seconds=seconds)
    return _bring_forward(QueueEntry.objects.filter(job_id__in=job_ids, after__lte=latest))


def _bring_forward(entries: QuerySet[QueueEntry]) -> int:
    now = backend().now()
    waiting = QueueEntry.objects.filter(worker__isnull=True, after__gt=now)
    with transaction.atomic():
        # The rows are found first and locked by their ids alone: not every database locks one table of a join.
        found = list(entries.filter(worker__isnull=True, after__gt=now).order_by().values_list("pk", flat=True))
        locked = [entry.pk for entry in backend().lock(waiting.filter(pk__in=found).order_by("pk"))] if found else []
        if locked:
            QueueEntry.objects.filter(pk__in=locked).update(after=now)
            backend().hint(Topic.QUEUE)
    return len(locked)
