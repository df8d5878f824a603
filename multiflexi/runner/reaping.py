"""What happens to the jobs of an owner that has disappeared: their leases have run out and nobody renews them.

Native jobs of a silent host can be proven neither alive nor ended from here, so they are lost once the fence time is
over, and not before. One-shot runs have names that never come back; theirs are adopted on the same host at once.
"""

from __future__ import annotations

import logging
import socket
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import LockHeld, Spool, SpoolError
from multiflexi.models import ACTIVE_STATES, FailureReason, Job, JobStatus, QueueEntry, Worker, WorkerRole
from multiflexi.record.actor import Actor
from multiflexi.runner.finishing import PLATFORM_FAILED, evidence_of, verdict

log = logging.getLogger(__name__)

AT_ONCE = 100
OWNER_SILENT = "owner_silent"
NOT_COLLECTED = "The artifacts were not collected: the executor of this job has disappeared."


def reap(worker: Worker, actor: Actor) -> int:
    """Decide about jobs whose lease has run out; returns how many were decided.

    Call it only after this process has seen the database up for a whole lease: an outage that kept everybody from
    renewing makes nobody disappear.
    """
    now = backend().now()
    expired = (
        QueueEntry.objects.filter(lease_until__lt=now, worker__isnull=False)
        .exclude(worker=worker)
        .select_related("job__app", "job__company", "job__runtemplate")
        .order_by("lease_until")[:AT_ONCE]
    )
    fence = now - timedelta(seconds=settings.MULTIFLEXI_FENCE_SECONDS)
    return sum(_decide(entry, actor, now, beyond_fence=_lease(entry) < fence) for entry in expired)


def take_over_one_shots(worker: Worker) -> int:
    """Make jobs of dead one-shot runs of this host our own, to be adopted by their evidence; returns how many.

    The lock of the dead run's spool proves that it is dead, and is held until its jobs are ours.
    """
    dead = Worker.objects.filter(role=WorkerRole.INLINE, host=socket.gethostname(), jobs__status__in=ACTIVE_STATES)
    taken = 0
    for one in dead.exclude(pk=worker.pk).distinct():
        try:
            with Spool(settings.MULTIFLEXI_SPOOL, one.name), transaction.atomic():
                taken += Job.objects.filter(worker=one, status__in=ACTIVE_STATES).update(worker=worker)
                QueueEntry.objects.filter(worker=one).update(worker=worker)
        except LockHeld:
            continue
        except (SpoolError, OSError) as error:
            log.warning("the spool of a one-shot run cannot be taken over", extra={"error": str(error)})
    return taken


def _lease(entry: QueueEntry) -> datetime:
    assert entry.lease_until is not None  # noqa: S101 - a row with owner has a lease, the database checks it
    return entry.lease_until


def _decide(entry: QueueEntry, actor: Actor, now: datetime, *, beyond_fence: bool) -> bool:
    job = entry.job
    try:
        if job.status == JobStatus.QUEUED:
            release([Release(job.pk, job.claim, detail="the lease of its executor has run out")], actor=actor)
        elif beyond_fence and job.status == JobStatus.RUNNING:
            complete([_lost(job, _lease(entry))], actor=actor)
        elif beyond_fence and job.status == JobStatus.FINISHING:
            complete([_finished(job)], actor=actor)
        else:
            return False
    except StaleJobs:
        return False
    log.warning("the owner of a job has disappeared", extra={"job": job.pk, "was": job.status})
    return True


def _lost(job: Job, lease: datetime) -> Completion:
    last_sign = lease - timedelta(seconds=settings.MULTIFLEXI_LEASE_SECONDS)
    return Completion(
        job,
        JobStatus.RUNNING,
        JobStatus.LOST,
        end=max(last_sign, job.begin or last_sign),
        exitcode=PLATFORM_FAILED,
        reason=FailureReason.LOST,
        detail=OWNER_SILENT,
        values={"collect_error": NOT_COLLECTED},
    )


def _finished(job: Job) -> Completion:
    """The end of a job whose outcome was proven, though its results were not stored."""
    evidence = evidence_of(job)
    target, exitcode, reason, detail = verdict(evidence)
    return Completion(
        job,
        JobStatus.FINISHING,
        target,
        end=max(evidence.ended_at, job.begin or evidence.ended_at),
        exitcode=exitcode,
        exit_signal=evidence.signal,
        reason=reason,
        detail=detail,
        values={"collect_error": NOT_COLLECTED},
    )
