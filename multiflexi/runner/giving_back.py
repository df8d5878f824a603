"""A claimed job goes back to the queue: whatever its claim left on disk goes first."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from multiflexi.jobs import directories, tasks
from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import Spool
from multiflexi.models import Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.runner.isolation import concerns_all, together

log = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0


def give_back(job: Job, spool: Spool, actor: Actor, *, detail: str | None = None) -> bool:
    """Release a job that was claimed and certainly not started; False when it is not ours any more."""
    try:
        with transaction.atomic():
            release([Release(job.pk, job.claim, detail=detail)], actor=actor)
            # Before the commit, because behind it nobody would know of them after a crash.
            discard(job, spool)
    except StaleJobs:
        log.info("a claimed job has changed meanwhile and is left alone", extra={"job": job.pk})
        discard(job, spool)
        return False
    return True


def end_unstarted(end: Completion, actor: Actor) -> None:
    """End a claimed job that cannot be started; one whose end cannot be stored goes back for a while."""
    job = end.job
    try:
        complete([end], actor=actor)
    except StaleJobs:
        log.info("a claimed job has changed meanwhile", extra={"job": job.pk})
    except Exception as error:
        if concerns_all(error):
            raise
        log.exception("the end of a job cannot be stored; it is tried again later", extra={"job": job.pk})
        later = backend().now() + timedelta(seconds=AGAIN_SECONDS)
        release([Release(job.pk, job.claim, detail=str(end.detail), after=later)], actor=actor)


def end_all_unstarted(ends: Sequence[Completion], actor: Actor) -> None:
    """End claimed jobs that cannot be started, together where that works."""
    together(ends, lambda batch: _completed(batch, actor), lambda end, _error: end_unstarted(end, actor))


def _completed(ends: Sequence[Completion], actor: Actor) -> None:
    complete(ends, actor=actor)


def discard(job: Job, spool: Spool) -> None:
    """Remove what a claim that was certainly not started left on disk; it was this claim's alone."""
    directories.remove(directories.job_directory(job))
    spool.remove(spool.open(job.pk, job.claim))


def undo_start(job: Job, actor: Actor) -> bool:
    """Put a job back into the queue that is proven never to have started, and take its attempt back.

    False when it is not ours any more, which it is also when an earlier try was committed although its answer was
    lost. The spool directory, which holds the proof, may be removed behind the commit only.
    """
    try:
        with transaction.atomic():
            release([Release(job.pk, job.claim, JobStatus.RUNNING, reason="start_undone")], actor=actor)
            tasks.undo_start([job.task_id] if job.task_id else [])
            directories.remove(directories.job_directory(job))
    except StaleJobs:
        return False
    return True
