"""What happens to the jobs of an owner that has disappeared: their leases have run out and nobody renews them.

Native jobs of a silent host can be proven neither alive nor ended from here, so they are lost once the fence time is
over, and not before. One-shot runs have names that never come back; theirs are adopted on the same host at once.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import LockHeld, Spool, SpoolError
from multiflexi.models import ACTIVE_STATES, FailureReason, Job, JobStatus, QueueEntry, Worker, WorkerRole
from multiflexi.record.actor import Actor
from multiflexi.runner.finishing import PLATFORM_FAILED, evidence_of, verdict
from multiflexi.runner.isolation import concerns_all
from multiflexi.runner.late import NOT_COLLECTED

log = logging.getLogger(__name__)

AT_ONCE = 100
STARTED = (JobStatus.RUNNING, JobStatus.FINISHING)
OWNER_SILENT = "owner_silent"


def reap(actor: Actor, *, watched: Collection[int]) -> int:
    """Decide about jobs whose lease has run out; returns how many were decided.

    `watched` are the ids of the jobs that this process looks after itself.

    Call it only after this process has seen the database up for a whole lease: an outage that kept everybody from
    renewing makes nobody disappear.
    """
    now = backend().now()
    fence = now - timedelta(seconds=settings.MULTIFLEXI_FENCE_SECONDS)
    # Those that must wait for the fence are left out here, or a hundred of them would hide all others.
    due = Q(job__status=JobStatus.QUEUED, lease_until__lt=now) | Q(job__status__in=STARTED, lease_until__lt=fence)
    expired = (
        QueueEntry.objects.filter(due, worker__isnull=False)
        .exclude(job_id__in=watched)
        .select_related("job__app", "job__company", "job__runtemplate")
        .order_by("lease_until")[:AT_ONCE]
    )
    return sum(_decide(entry, actor) for entry in expired)


def take_over_one_shots(worker: Worker) -> int:
    """Make jobs of dead one-shot runs of this host our own, to be adopted by their evidence; returns how many.

    The lock of the dead run's spool proves that it is dead, and is held until its jobs are ours. One whose spool is not
    below ours is left to its lease: it may live, with other settings or in a container that names its host alike.
    """
    root = Path(settings.MULTIFLEXI_SPOOL)
    dead = Worker.objects.filter(role=WorkerRole.INLINE, host=socket.gethostname(), jobs__status__in=ACTIVE_STATES)
    taken = 0
    for one in dead.exclude(pk=worker.pk).distinct():
        if not (root / one.name).is_dir():
            continue
        try:
            with Spool(root, one.name), transaction.atomic():
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


def _decide(entry: QueueEntry, actor: Actor) -> bool:
    job = entry.job
    try:
        with transaction.atomic():
            if not _is_ours_to_decide(entry):
                return False
            if job.status == JobStatus.QUEUED:
                release([Release(job.pk, job.claim, detail="the lease of its executor has run out")], actor=actor)
            else:
                complete(
                    [_lost(job, _lease(entry)) if job.status == JobStatus.RUNNING else _finished(job)], actor=actor
                )
    except StaleJobs:
        return False
    except Exception as error:
        if concerns_all(error):
            raise
        log.exception("a job whose owner has disappeared cannot be decided about", extra={"job": job.pk})
        return False
    log.warning("the owner of a job has disappeared", extra={"job": job.pk, "was": job.status})
    return True


def _is_ours_to_decide(entry: QueueEntry) -> bool:
    """Whether the lease has not been renewed meanwhile; from now on it cannot be.

    Rows in the hands of somebody else are not waited for: an owner that was stopped within a transaction would stop
    everybody who looks after its jobs.
    """
    rows = QueueEntry.objects.filter(pk=entry.pk, lease_until=entry.lease_until)
    job = Job.objects.filter(pk=entry.job_id, claim=entry.job.claim)
    return bool(backend().lock(rows.only("pk"))) and bool(backend().lock(job.only("pk")))


def _uncollected(job: Job) -> dict[str, Any]:
    """The sealed secrets stay with the job, because its output may still come and has to be masked."""
    return {"collect_error": NOT_COLLECTED, "env": job.env}


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
        values=_uncollected(job),
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
        values=_uncollected(job),
    )
