"""The queue of waiting and running jobs: look at it and repair it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from multiflexi.jobs import healing
from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import FINAL_STATES, Job, JobStatus, QueueEntry
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import job_stop
from multiflexi.services.errors import BadQuery
from multiflexi.services.lists import DIRECTIONS, Page
from multiflexi.services.presenters.queue import SORTABLE
from multiflexi.services.rights import need
from multiflexi.services.scope import visible

DEFAULT_ORDER = "after"
SHOWN_IDS = 20


class Remark(NamedTuple):
    """What a repair found; `type` is one of info, warning and success."""

    type: str
    message: str


def query(actor: Actor) -> QuerySet[QueueEntry]:
    return visible(QueueEntry, actor).select_related("job__app", "runtemplate", "company")


def page(
    rows: QuerySet[QueueEntry], *, limit: int | None, offset: int | None, order: str | None, direction: str | None
) -> QuerySet[QueueEntry]:
    """By start time unless told otherwise; `order` names a column, also as "after DESC", or is the direction.

    An unknown column counts as the id. Raises BadQuery for an unknown direction.
    """
    words = (order or DEFAULT_ORDER).replace(":", " ").split()
    if words[0].upper() in DIRECTIONS:
        words = [DEFAULT_ORDER, words[0]]
    asked = direction or (words[1] if len(words) > 1 else "ASC")
    if asked.upper() not in DIRECTIONS:
        raise BadQuery(f'"{asked}" is no direction; use ASC, DESC, A or D.', "unknown_direction")
    column = words[0] if words[0] in SORTABLE else "id"
    word = "desc" if DIRECTIONS[asked.upper()] else "asc"
    return Page(limit, offset, f"{column}:{word}").of(rows, SORTABLE)


def overview(actor: Actor, zone: tzinfo) -> dict[str, Any]:
    """Numbers of the queue in one query; days, weeks (from Monday) and months are those of the zone."""
    now = backend().now()
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow, next_week = today + timedelta(days=1), today + timedelta(days=7 - today.weekday())
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    numbers = visible(QueueEntry, actor).aggregate(
        total_jobs_in_queue=Count("pk"),
        orphaned_jobs=Count("pk", filter=Q(job__status__in=FINAL_STATES) | Q(runtemplate=None)),
        unique_applications=Count("job__app", distinct=True),
        unique_companies=Count("company", distinct=True),
        unique_runtemplates=Count("runtemplate", distinct=True),
        overdue_jobs=Count("pk", filter=Q(after__lt=now, job__status=JobStatus.PENDING)),
        jobs_today=Count("pk", filter=_between(today, tomorrow)),
        jobs_tomorrow=Count("pk", filter=_between(tomorrow, tomorrow + timedelta(days=1))),
        jobs_this_week=Count("pk", filter=_between(today - timedelta(days=today.weekday()), next_week)),
        jobs_this_month=Count("pk", filter=_between(today.replace(day=1), next_month)),
    )
    breakdown = ("overdue_jobs", "jobs_today", "jobs_tomorrow", "jobs_this_week", "jobs_this_month")
    return {
        **{name: number for name, number in numbers.items() if name not in breakdown},
        "schedule_breakdown": {name: numbers[name] for name in breakdown},
    }


def fix(actor: Actor, *, dry_run: bool = False) -> list[Remark]:
    """Repair the queue; nothing waiting is ever deleted. With `dry_run` everything found is only told."""
    need(actor, "system.config")
    with transaction.atomic():
        remarks = [*_dangling(), *_without_row(), *_dead_rows(), *_expired(actor), *_cadence()]
        if not dry_run:
            audit.write(actor, "repair", "QueueEntry", data={"findings": [one.message for one in remarks]})
        transaction.set_rollback(dry_run)
    return remarks or [Remark("success", "The queue is in order.")]


def truncate(actor: Actor, *, dry_run: bool = False) -> list[int]:
    """Cancel every waiting job; running jobs and the cadence are left alone. Returns the ids of the jobs."""
    need(actor, "system.config")
    waiting = Job.objects.filter(status=JobStatus.PENDING).order_by("pk")
    if dry_run:
        return list(waiting.values_list("pk", flat=True))
    return job_stop.cancel_waiting(actor, waiting, "the queue was emptied")


def due(actor: Actor) -> list[int]:
    """Jobs that a foreground cycle would take now."""
    rows = (
        visible(QueueEntry, actor).filter(worker=None, after__lte=backend().now()).order_by("priority", "after", "pk")
    )
    return list(rows.values_list("job_id", flat=True))


def clear(actor: Actor, *, blocked: bool = False, dry_run: bool = False) -> list[int]:
    """Remove queue rows of jobs that have ended; rows of blocked jobs only on request. Returns the jobs' ids."""
    need(actor, "system.config")
    states = [state for state in FINAL_STATES if blocked or state != JobStatus.BLOCKED]
    with transaction.atomic():
        rows = QueueEntry.objects.filter(job__status__in=states).order_by("job_id")
        ids = list(rows.values_list("job_id", flat=True))
        if ids and not dry_run:
            QueueEntry.objects.filter(job_id__in=ids).delete()
            audit.write(actor, "clear", "QueueEntry", data={"jobs": ids})
    return ids


def _between(start: datetime, end: datetime) -> Q:
    return Q(after__gte=start, after__lt=end)


def _dangling() -> Iterable[Remark]:
    ids = Job.objects.filter(runtemplate=None, status=JobStatus.PENDING).order_by("pk").values_list("pk", flat=True)
    found = list(ids)
    if found:
        yield Remark("warning", f"Waiting jobs without run template: {_listed(found)}; cancel them with job:cancel.")


def _without_row() -> Iterable[Remark]:
    jobs = list(Job.objects.filter(status=JobStatus.PENDING, queue_entry=None).select_related("runtemplate"))
    now = backend().now()
    QueueEntry.objects.bulk_create(
        QueueEntry(
            job=job,
            after=job.schedule or now,
            runtemplate_id=job.runtemplate_id,
            company_id=job.company_id,
            app_id=job.app_id,
            executor=job.executor,
            priority=job.runtemplate.priority if job.runtemplate else 0,
        )
        for job in jobs
    )
    if jobs:
        backend().hint(Topic.QUEUE)
        yield Remark("info", f"Waiting jobs put back into the queue: {_listed([job.pk for job in jobs])}.")


def _dead_rows() -> Iterable[Remark]:
    ids = list(
        QueueEntry.objects.filter(job__status__in=FINAL_STATES).order_by("job_id").values_list("job_id", flat=True)
    )
    QueueEntry.objects.filter(job_id__in=ids).delete()
    if ids:
        yield Remark("info", f"Queue rows of ended jobs removed: {_listed(ids)}.")


def _expired(actor: Actor) -> Iterable[Remark]:
    """Claims whose owner fell silent: what certainly was not started goes back, the rest needs its executor."""
    lapsed = Job.objects.filter(queue_entry__lease_until__lt=backend().now()).order_by("pk")
    unstarted = list(lapsed.filter(status=JobStatus.QUEUED))
    release([Release(job.pk, job.claim, detail="the lease expired") for job in unstarted], actor=actor)
    if unstarted:
        yield Remark("info", f"Claimed jobs given back to the queue: {_listed([job.pk for job in unstarted])}.")
    started = list(lapsed.filter(status__in=(JobStatus.RUNNING, JobStatus.FINISHING)).values_list("pk", flat=True))
    if started:
        yield Remark("warning", f"Jobs whose executor is silent: {_listed(started)}; start that executor again.")


def _cadence() -> Iterable[Remark]:
    healed = healing.heal(backend().now())
    if healed:
        yield Remark("info", f"Next start of {healed} run templates recomputed.")


def _listed(ids: list[int]) -> str:
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    return ", ".join(map(str, ids[:SHOWN_IDS])) + more
