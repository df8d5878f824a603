"""Taking due jobs from the queue, giving them back, and keeping their leases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from multiflexi.jobs.lifecycle import Move, move_within
from multiflexi.jobs.named_limits import NamedPlaces, free_places
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.candidates import candidates
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import Company, Job, JobStatus, QueueEntry, RunTemplate, Worker
from multiflexi.record.actor import Actor
from multiflexi.scheduling.policy import most_at_once

# A claim looks at this many handfuls of rows when those in front are locked or have no room.
ROUNDS = 3
# Large columns that no run needs: an icon alone may outweigh everything else that a claim reads.
NOT_NEEDED = (
    "company__logo",
    *(f"app__{name}" for name in ("image", "description", "setup", "deploy", "deffile", "manifest")),
)


@dataclass(frozen=True, slots=True)
class Release:
    """A claimed job that goes back to the queue; `after` moves it."""

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
    locked, or whose run template, company or named limit is full, never blocks the rows behind it. Whoever takes jobs
    in advance asks for its free places and the advance, less what it has claimed and not started. `only` is the id of
    the one job wanted. Returns the jobs with application, company and run template loaded.
    """
    if places <= 0:
        return []
    now = backend().now()
    wanted = candidates(now, modules, _enough(places), only=only)
    if not wanted:
        return []
    taken: list[Job] = []
    seen: list[int] = []
    with transaction.atomic():
        while wanted:
            named = NamedPlaces(wanted, wait=not seen)
            entries = _locked(wanted, now)
            ours = _take(_affordable(entries, places - len(taken), named), worker, now, actor)
            named.hold([job.pk for job in ours])
            taken += ours
            seen += wanted
            if len(taken) == places or len(wanted) < _enough(places) or len(seen) >= ROUNDS * _enough(places):
                break
            wanted = candidates(now, modules, _enough(places), only=only, without=seen)
    return taken


def _enough(places: int) -> int:
    """Somewhat more rows than there are places: others may be faster, and several may be of one run template."""
    return 2 * places + 10


def _locked(wanted: Sequence[int], now: datetime) -> list[QueueEntry]:
    """Those of the rows that are still free, ours until the end of the transaction, in the order wanted."""
    rows = QueueEntry.objects.filter(pk__in=wanted, worker__isnull=True, after__lte=now).order_by("pk")
    entries = {entry.pk: entry for entry in backend().lock(rows)}
    return [entries[entry_id] for entry_id in wanted if entry_id in entries]


def _affordable(entries: Sequence[QueueEntry], places: int, named: NamedPlaces) -> list[QueueEntry]:
    """The first of the rows that company, run template and named limits have room for.

    Companies and run templates are locked, never waited for.

    A company without a cap needs no lock. The locked run template is left in `entry.runtemplate`.
    """
    caps = _company_caps(entries)
    companies = _Room("company_id", caps, counted=[company_id for company_id, cap in caps.items() if cap])
    rows = RunTemplate.objects.filter(pk__in={entry.runtemplate_id for entry in entries if entry.runtemplate_id})
    locked = backend().lock(rows.only("pk", "overlap", "max_parallel", "running_job").order_by("pk"))
    templates = {template.pk: template for template in locked}
    limits = {pk: most_at_once(one.overlap, one.max_parallel or None) for pk, one in templates.items()}
    # A serialised run template needs no count: its column tells the job that runs.
    counted = [pk for pk, one in templates.items() if limits[pk] and not one.is_serialised]
    parallel = _Room("runtemplate_id", limits, counted=counted)
    taken: list[QueueEntry] = []
    for entry in entries:
        if len(taken) == places:
            break
        template = templates.get(entry.runtemplate_id) if entry.runtemplate_id else None
        if entry.runtemplate_id and (template is None or (template.is_serialised and template.running_job_id)):
            continue
        if companies.has_place(entry) and parallel.has_place(entry) and named.has_place(entry.job_id):
            companies.take(entry)
            parallel.take(entry)
            named.take(entry.job_id)
            entry.runtemplate = template
            taken.append(entry)
    return taken


def _company_caps(entries: Sequence[QueueEntry]) -> dict[int, int | None]:
    """Caps by company: None without one, 0 while another executor counts under the lock of the company's row."""
    ids = {entry.company_id for entry in entries}
    capped = Company.objects.filter(pk__in=ids, max_running__isnull=False)
    caps: dict[int, int | None] = dict.fromkeys(capped.values_list("pk", flat=True), 0)
    if caps:
        rows = backend().lock(Company.objects.filter(pk__in=caps).only("pk", "max_running").order_by("pk"))
        caps |= {company.pk: company.max_running for company in rows}
    return dict.fromkeys(ids) | caps


class _Room:
    """Places left for owners of jobs, who are run templates or companies; what is taken here counts at once.

    A cap of None is no cap. Jobs claimed or running are counted for the owners in `counted`.
    """

    def __init__(self, owner: str, caps: Mapping[int, int | None], *, counted: Collection[int]) -> None:
        self._owner, self._caps = owner, caps
        claimed = QueueEntry.objects.filter(**{f"{owner}__in": counted}, worker__isnull=False).order_by()
        self._used = dict(claimed.values_list(owner).annotate(n=Count("pk"))) if counted else {}

    def has_place(self, entry: QueueEntry) -> bool:
        owner_id = getattr(entry, self._owner)
        cap = self._caps.get(owner_id)
        return cap is None or self._used.get(owner_id, 0) < cap

    def take(self, entry: QueueEntry) -> None:
        owner_id = getattr(entry, self._owner)
        self._used[owner_id] = self._used.get(owner_id, 0) + 1


def _take(entries: Sequence[QueueEntry], worker: Worker, now: datetime, actor: Actor) -> list[Job]:
    """Make the jobs of locked rows ours, in the order of the rows; a row whose job does not wait is passed over."""
    waiting = Job.objects.filter(pk__in=[entry.job_id for entry in entries], status=JobStatus.PENDING)
    found = {job.pk: job for job in waiting.select_related("app", "company", "runtemplate").defer(*NOT_NEEDED)}
    entries = [entry for entry in entries if entry.job_id in found]
    if not entries:
        return []
    serialised = [entry for entry in entries if entry.runtemplate and entry.runtemplate.is_serialised]
    backend().update_rows(
        RunTemplate,
        [
            ({"running_job": entry.job_id}, {"id": entry.runtemplate_id})
            for entry in sorted(serialised, key=lambda entry: entry.runtemplate_id or 0)
        ],
    )
    jobs = [found[entry.job_id] for entry in entries]
    values = {"worker": worker.pk, "queued_at": now}
    move_within(
        [Move(job.pk, job.claim, JobStatus.PENDING, JobStatus.QUEUED, values, takes_over=True) for job in jobs],
        actor=actor,
        at=now,
    )
    QueueEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(
        worker=worker, claimed_at=now, lease_until=lease_end(now)
    )
    for job in jobs:
        job.status, job.claim, job.worker_id, job.queued_at = JobStatus.QUEUED, job.claim + 1, worker.pk, now
    return jobs


def release(releases: Sequence[Release], *, actor: Actor) -> None:
    """Give jobs back that were certainly not started: `pending` again, without owner, lock and named limits.

    Raises StaleJobs when one of them is not ours any more; then none is given back.
    """
    if not releases:
        return
    now = backend().now()
    with transaction.atomic():
        move_within(
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
        free_places(ids)
        QueueEntry.objects.filter(job_id__in=ids).update(
            worker=None, claimed_at=None, lease_until=None, stdout_offset=0, stderr_offset=0
        )
        for after in {one.after for one in releases if one.after is not None}:
            moved = [one.job_id for one in releases if one.after == after]
            QueueEntry.objects.filter(job_id__in=moved).update(after=after)
        backend().hint(Topic.QUEUE)


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


def renew_leases(worker: Worker, job_ids: Collection[int]) -> int:
    """Extend the leases of those jobs that an instance watches, in one statement; returns how many it holds.

    A job in its name that nobody watches gets no further time: others decide about it.
    """
    rows = QueueEntry.objects.filter(worker=worker, job_id__in=job_ids)
    return rows.update(lease_until=lease_end(backend().now())) if job_ids else 0
