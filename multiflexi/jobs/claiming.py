"""Taking due jobs from the queue, giving them back, and keeping their leases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from multiflexi.jobs.lifecycle import Move, move
from multiflexi.jobs.queue import backend
from multiflexi.models import Company, Job, JobLimit, JobStatus, Overlap, QueueEntry, RunTemplate, Worker
from multiflexi.record.actor import Actor


@dataclass(frozen=True, slots=True)
class Release:
    """A claimed job that goes back to the queue; `after` moves it, `deferral` says why it waits."""

    job_id: int
    claim: int
    source: JobStatus = JobStatus.QUEUED
    reason: str = "released"
    detail: str | None = None
    after: datetime | None = None


def lease_end(now: datetime) -> datetime:
    """Until when a lease taken or renewed now holds."""
    return now + timedelta(seconds=settings.MULTIFLEXI_LEASE_SECONDS)


def claim(worker: Worker, *, places: int, modules: Collection[str], actor: Actor, only: int | None = None) -> list[Job]:
    """Take at most `places` due jobs: `pending` becomes `queued`, with a new fencing token and a lease.

    Places go to the company with the fewest jobs claimed or running, then by priority, then by age. A row that is
    locked, or whose run template or company is busy, never blocks the rows behind it. `only` is the id of the one job
    wanted. Returns the jobs with
    application, company and run template loaded.
    """
    if places <= 0:
        return []
    now = backend().now()
    wanted = _candidates(now, modules, places, only)
    if not wanted:
        return []
    with transaction.atomic():
        entries = list(
            backend().lock(QueueEntry.objects.filter(pk__in=wanted, worker__isnull=True, after__lte=now).order_by("pk"))
        )
        entries.sort(key=lambda entry: wanted.index(entry.pk))
        taken = _free_templates(_within_company_caps(entries)[:places])
        if not taken:
            return []
        _take(taken, worker, now, actor)
    jobs = Job.objects.select_related("app", "company", "runtemplate").in_bulk([entry.job_id for entry in taken])
    return [jobs[entry.job_id] for entry in taken]


def _candidates(now: datetime, modules: Collection[str], places: int, only: int | None) -> list[int]:
    """Ids of ready queue rows in the order of the fair share, somewhat more than there are places."""
    busy = (
        QueueEntry.objects.filter(company=OuterRef("company_id"), worker__isnull=False)
        .order_by()
        .values("company_id")
        .annotate(n=Count("pk"))
        .values("n")
    )
    ready = QueueEntry.objects.filter(worker__isnull=True, after__lte=now, executor__in=list(modules))
    # Rows of a busy run template, or of a company at its cap, can not be taken now and would crowd others out.
    ready = ready.exclude(
        Q(runtemplate__running_job__isnull=False) & ~Q(runtemplate__overlap=Overlap.ALLOW),
    ).exclude(
        Q(runtemplate_id__in=_full("runtemplate", "max_parallel")) | Q(company_id__in=_full("company", "max_running"))
    )
    if only is not None:
        ready = ready.filter(job_id=only)
    ranked = ready.annotate(
        turn=Coalesce(Subquery(busy, output_field=IntegerField()), Value(0))
        + Window(RowNumber(), partition_by=[F("company_id")], order_by=[F("priority"), F("after"), F("pk")])
    ).order_by("turn", "priority", "after", "pk")
    return list(ranked.values_list("pk", flat=True)[: 2 * places + 10])


def _full(owner: str, cap: str) -> QuerySet[Any]:
    """Ids of the run templates or companies that have as many jobs claimed or running as their cap allows."""
    taken = QueueEntry.objects.filter(**{"worker__isnull": False, f"{owner}__{cap}__isnull": False}).order_by()
    counted = taken.values(f"{owner}_id", f"{owner}__{cap}").annotate(n=Count("pk"))
    return counted.filter(n__gte=F(f"{owner}__{cap}")).values(f"{owner}_id")


def _within_company_caps(entries: Sequence[QueueEntry]) -> list[QueueEntry]:
    ids = {entry.company_id for entry in entries}
    caps = dict(Company.objects.filter(pk__in=ids, max_running__isnull=False).values_list("pk", "max_running"))
    if not caps:
        return list(entries)
    # The company's row is the lock under which its jobs are counted.
    list(backend().lock_waiting(Company.objects.filter(pk__in=caps).order_by("pk")))
    used = dict(
        QueueEntry.objects.filter(company_id__in=caps, worker__isnull=False)
        .order_by()
        .values_list("company_id")
        .annotate(n=Count("pk"))
    )
    kept = []
    for entry in entries:
        cap = caps.get(entry.company_id)
        if cap is not None:
            if used.get(entry.company_id, 0) >= cap:
                continue
            used[entry.company_id] = used.get(entry.company_id, 0) + 1
        kept.append(entry)
    return kept


def _free_templates(entries: Sequence[QueueEntry]) -> list[QueueEntry]:
    """The entries whose run template may start one more job; its row is locked meanwhile."""
    ids = {entry.runtemplate_id for entry in entries if entry.runtemplate_id}
    rows = RunTemplate.objects.filter(pk__in=ids).only("pk", "overlap", "max_parallel", "running_job")
    templates = {template.pk: template for template in backend().lock(rows.order_by("pk"))}
    running = _running([template for template in templates.values() if not template.is_serialised])
    taken: list[QueueEntry] = []
    for entry in entries:
        if entry.runtemplate_id is None:
            taken.append(entry)
            continue
        template = templates.get(entry.runtemplate_id)
        if template is None:
            continue
        if template.is_serialised:
            if template.running_job_id is not None:
                continue
            template.running_job_id = entry.job_id
        elif template.max_parallel:
            if running.get(template.pk, 0) >= template.max_parallel:
                continue
            running[template.pk] = running.get(template.pk, 0) + 1
        taken.append(entry)
    return taken


def _running(templates: Iterable[RunTemplate]) -> dict[int, int]:
    capped = [template.pk for template in templates if template.max_parallel]
    if not capped:
        return {}
    rows = QueueEntry.objects.filter(runtemplate_id__in=capped, worker__isnull=False).order_by()
    return dict(rows.values_list("runtemplate_id").annotate(n=Count("pk")))


def _take(entries: Sequence[QueueEntry], worker: Worker, now: datetime, actor: Actor) -> None:
    ids = [entry.job_id for entry in entries]
    claims = dict(Job.objects.filter(pk__in=ids).values_list("pk", "claim"))
    serialised = RunTemplate.objects.filter(pk__in=[entry.runtemplate_id for entry in entries]).exclude(
        overlap=Overlap.ALLOW
    )
    free = set(serialised.values_list("pk", flat=True))
    backend().update_rows(
        RunTemplate,
        [
            ({"running_job": entry.job_id}, {"id": entry.runtemplate_id})
            for entry in sorted(entries, key=lambda entry: entry.runtemplate_id or 0)
            if entry.runtemplate_id in free
        ],
    )
    move(
        [
            Move(
                job_id,
                claims[job_id],
                JobStatus.PENDING,
                JobStatus.QUEUED,
                {"worker": worker.pk, "queued_at": now},
                takes_over=True,
            )
            for job_id in ids
        ],
        actor=actor,
        at=now,
    )
    QueueEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(
        worker=worker, claimed_at=now, lease_until=lease_end(now)
    )


def release(releases: Sequence[Release], *, actor: Actor) -> None:
    """Give jobs back that were certainly not started: `pending` again, without owner, lock and named limits.

    Raises StaleJobs when one of them is not ours any more; then none is given back.
    """
    if not releases:
        return
    now = backend().now()
    with transaction.atomic():
        move(
            [
                Move(one.job_id, one.claim, one.source, JobStatus.PENDING, values, reason=one.reason, detail=one.detail)
                for one in releases
                for values in [_UNSTARTED]
            ],
            actor=actor,
            at=now,
        )
        ids = [one.job_id for one in releases]
        RunTemplate.objects.filter(running_job_id__in=ids).update(running_job=None)
        JobLimit.objects.filter(job_id__in=ids).delete()
        QueueEntry.objects.filter(job_id__in=ids).update(
            worker=None, claimed_at=None, lease_until=None, stdout_offset=0, stderr_offset=0
        )
        for one in releases:
            if one.after is not None:
                QueueEntry.objects.filter(job_id=one.job_id).update(after=one.after)


_UNSTARTED = {
    "worker": None,
    "queued_at": None,
    "begin": None,
    "pid": None,
    "pid_started": None,
    "host": None,
    "boot_id": None,
    "spool_path": None,
    "handle": None,
}


def renew_leases(worker: Worker) -> int:
    """Extend all leases of an instance in one statement; returns how many it holds."""
    return QueueEntry.objects.filter(worker=worker).update(lease_until=lease_end(backend().now()))


def next_due(modules: Collection[str]) -> datetime | None:
    """When the earliest unclaimed job of these modules is due; may lie in the past while it has to wait for a place."""
    rows = QueueEntry.objects.filter(worker__isnull=True, executor__in=list(modules))
    return rows.order_by("after").values_list("after", flat=True).first()
