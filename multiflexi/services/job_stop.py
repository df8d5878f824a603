"""Ending jobs on request: cancel what has not begun, ask the owner to stop what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import FailureReason, Job, JobStatus, QueueEntry, StopLevel
from multiflexi.record import audit, history
from multiflexi.record.actor import Actor
from multiflexi.services.errors import Conflict, Refused
from multiflexi.services.rights import is_own, need

T = TypeVar("T")
NOT_BEGUN = (JobStatus.PENDING, JobStatus.QUEUED)
BATCH = 100
RACES = 5


def cancel(actor: Actor, job: Job, reason: str | None = None) -> bool:
    """Take out a job that has not begun; False when it is cancelled already.

    Raises Refused for a job that runs or has ended.
    """

    need(actor, "jobs.cancel", job.company_id, own=is_own(actor, job))

    def attempt(current: Job) -> bool:
        if current.status == JobStatus.CANCELLED:
            return False
        if current.status not in NOT_BEGUN:
            hint = "stop it with job:stop" if not JobStatus(current.status).is_final else "it has ended already"
            raise Refused(
                f"Job {job.pk} is {current.status} and cannot be cancelled; {hint}.",
                "job_has_begun",
                details={"status": current.status},
            )
        _cancel([current], actor, reason)
        return True

    return _against_races(job, attempt)


def request_stop(actor: Actor, job: Job, *, level: str = StopLevel.STOP, reason: str | None = None) -> str:
    """Ask for the end of a job and return its state; one that has not begun is cancelled at once.

    The executor that owns the job carries the request out. Raises Refused for a job that has ended.
    """

    def attempt(current: Job) -> str:
        if JobStatus(current.status).is_final:
            raise Refused(
                f"Job {job.pk} has ended as {current.status}; there is nothing to stop.",
                "job_has_ended",
                details={"status": current.status},
            )
        if current.status in NOT_BEGUN:
            need(actor, "jobs.cancel", job.company_id, own=is_own(actor, job))
            _cancel([current], actor, reason)
            return JobStatus.CANCELLED.value
        need(actor, "jobs.stop", job.company_id)
        _store_request(actor, current, level, reason)
        return str(current.status)

    return _against_races(job, attempt)


def cancel_waiting(actor: Actor, jobs: QuerySet[Job], reason: str) -> list[int]:
    """Cancel every job of these that still waits; one taken meanwhile stays. Returns the ids of the cancelled."""
    ids = list(jobs.filter(status=JobStatus.PENDING).order_by("pk").values_list("pk", flat=True))
    cancelled: list[int] = []
    for start in range(0, len(ids), BATCH):
        batch = list(Job.objects.filter(pk__in=ids[start : start + BATCH], status=JobStatus.PENDING))
        cancelled += _cancel_waiting(actor, batch, reason)
    return cancelled


def _cancel_waiting(actor: Actor, batch: list[Job], reason: str) -> list[int]:
    try:
        _cancel(batch, actor, reason)
    except StaleJobs:
        # One of them was taken by an executor; the others are cancelled one by one.
        if len(batch) == 1:
            return []
        return [job_id for job in batch for job_id in _cancel_waiting(actor, [job], reason)]
    return [job.pk for job in batch]


def _cancel(jobs: list[Job], actor: Actor, reason: str | None) -> None:
    now = timezone.now()
    complete(
        [
            Completion(
                job,
                JobStatus(job.status),
                JobStatus.CANCELLED,
                now,
                reason=FailureReason.CANCELLED,
                detail=reason or "cancelled on request",
            )
            for job in jobs
        ],
        actor=actor,
    )


def _store_request(actor: Actor, job: Job, level: str, reason: str | None) -> None:
    with transaction.atomic():
        # The job before its queue row, as its owner locks them at its end.
        if not backend().lock_waiting(Job.objects.filter(pk=job.pk, status=job.status).only("pk")):
            raise StaleJobs(str(job.pk))
        changed = QueueEntry.objects.filter(job=job).update(
            stop_level=level, stop_by_id=actor.user_id, stop_reason=reason, stop_at=timezone.now()
        )
        if not changed:
            raise StaleJobs(str(job.pk))
        history.row(job.pk, job.status, job.status, actor=actor, reason="stop", detail=reason, claim=job.claim).save()
        audit.write(
            actor, "stop", job, company_id=job.company_id, severity="medium", data={"level": level, "reason": reason}
        )
        backend().hint(Topic.QUEUE)


def _against_races(job: Job, attempt: Callable[[Job], T]) -> T:
    """Look again when the job changed its state between the look and the write."""
    for _round in range(RACES):
        try:
            return attempt(Job.objects.get(pk=job.pk))
        except StaleJobs:
            continue
    raise Conflict(f"Job {job.pk} is changing its state right now; try again.", "job_changed")
