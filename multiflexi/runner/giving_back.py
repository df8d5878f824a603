"""A claimed job goes back to the queue: whatever its claim left on disk goes first."""

from __future__ import annotations

import logging
import shutil

from django.db import transaction

from multiflexi.jobs import tasks
from multiflexi.jobs.claiming import Release, release
from multiflexi.jobs.environment import job_directory
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.spool import Spool
from multiflexi.models import Job, JobStatus
from multiflexi.record.actor import Actor

log = logging.getLogger(__name__)


def give_back(job: Job, spool: Spool, actor: Actor, *, detail: str | None = None) -> bool:
    """Release a job that was claimed and certainly not started; False when it is not ours any more."""
    try:
        with transaction.atomic():
            release([Release(job.pk, job.claim, detail=detail)], actor=actor)
            # Before the commit, because behind it another executor of this host may use the job's directory already.
            shutil.rmtree(job_directory(job), ignore_errors=True)
            spool.remove(spool.open(job.pk, job.claim))
    except StaleJobs:
        log.info("a claimed job has changed meanwhile and is left alone", extra={"job": job.pk})
        return False
    return True


def undo_start(job: Job, actor: Actor) -> bool:
    """Put a job back into the queue that is proven never to have started, and take its attempt back.

    False when it is not ours any more, which it is also when an earlier try was committed although its answer was
    lost. The spool directory, which holds the proof, may be removed behind the commit only.
    """
    try:
        with transaction.atomic():
            release([Release(job.pk, job.claim, JobStatus.RUNNING, reason="start_undone")], actor=actor)
            tasks.undo_start([job.task_id] if job.task_id else [])
            shutil.rmtree(job_directory(job), ignore_errors=True)
    except StaleJobs:
        return False
    return True
