"""Directories that nobody will come back to are removed: by this instance, within its own spool."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress

from multiflexi.jobs import directories
from multiflexi.jobs.spool import AlreadyStarted, Spool, SpoolDir
from multiflexi.models import Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.runner import late
from multiflexi.runner.isolation import concerns_all

log = logging.getLogger(__name__)


def sweep(spool: Spool, known: Collection[int], actor: Actor) -> None:
    """Remove what ended jobs and outdated claims left behind, for example by a crash right after a completion.

    What others decided about is looked at for a late result first. Directories of starts that no job knows of stay,
    because they are evidence. `known` are the ids of the jobs that this process is busy with.
    """
    left = [one for one in spool.existing() if one.job_id not in known]
    jobs = Job.objects.select_related("app", "company").in_bulk({one.job_id for one in left})
    for one in left:
        job = jobs.get(one.job_id)
        if job is not None:
            try:
                _sweep_one(one, job, spool, actor)
            except OSError as error:
                log.warning("a directory cannot be removed", extra={"path": str(one.path), "error": error.strerror})
    directories.remove_outdated()


def _sweep_one(one: SpoolDir, job: Job, spool: Spool, actor: Actor) -> None:
    if not _is_of(one, job):
        with suppress(AlreadyStarted):
            spool.remove_unstarted(one)
    elif JobStatus(job.status).is_final and _is_settled(job, one, actor):
        discard(one, spool, failed=job.status != JobStatus.SUCCESS)


def discard(one: SpoolDir, spool: Spool, *, failed: bool) -> None:
    """Remove both directories of an ended start, the spool directory last: by it the next process knows of them."""
    job_dir = one.job_dir()
    if job_dir is not None:
        directories.let_go(job_dir, failed=failed)
    spool.remove(one)


def _is_settled(job: Job, one: SpoolDir, actor: Actor) -> bool:
    """Whether nothing is to be learned from the directories any more; one job's trouble does not hold others up."""
    if not late.awaited(job):
        return True
    try:
        return late.collect(job, one, actor)
    except Exception as error:
        if concerns_all(error):
            raise
        log.exception("a late result could not be stored", extra={"job": job.pk})
        return False


def _is_of(one: SpoolDir, job: Job) -> bool:
    """Whether this is the start that the job tells of, and no earlier claim."""
    return job.spool_path is not None and job.spool_path.endswith(f"/{one.path.name}")
