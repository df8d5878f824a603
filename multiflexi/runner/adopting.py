"""Taking over the jobs of an earlier process of the same name; only the holder of the spool lock may."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from multiflexi.executors import registry
from multiflexi.executors.contract import Alive, NeverStarted
from multiflexi.jobs import snapshot
from multiflexi.jobs.claiming import Release, release, renew_leases
from multiflexi.jobs.environment import job_directory
from multiflexi.jobs.lifecycle import Move, StaleJobs, move
from multiflexi.jobs.output import LineFeed, next_seq
from multiflexi.jobs.resolved import Resolved
from multiflexi.jobs.spool import SpoolDir
from multiflexi.models import ACTIVE_STATES, Job, JobStatus, Worker
from multiflexi.record.actor import Actor
from multiflexi.runner.finishing import evidence_of
from multiflexi.runner.limits import effective
from multiflexi.runner.running import TROUBLES_BEFORE_BARE_END, Running, Stage
from multiflexi.vault.errors import DecryptionFailed

log = logging.getLogger(__name__)


def adopt(worker: Worker, actor: Actor) -> list[Running]:
    """Take over every job that this worker owns: unstarted ones go back, the others are ours with a new token.

    What became of a started one is decided by evidence; nothing is ever started again here.
    """
    owned = list(
        Job.objects.select_related("app", "company", "runtemplate", "queue_entry").filter(
            worker=worker, status__in=ACTIVE_STATES
        )
    )
    for job in owned:
        if job.status == JobStatus.QUEUED:
            _quietly_release(job, actor)
    taken = [job for job in owned if job.status != JobStatus.QUEUED and _take_over(job, actor)]
    renew_leases(worker)
    adopted = [_recovered(job) for job in taken]
    if adopted:
        log.info(
            "%d jobs of an earlier process were adopted", len(adopted), extra={"jobs": [one.id for one in adopted]}
        )
    return adopted


def _quietly_release(job: Job, actor: Actor) -> None:
    try:
        release([Release(job.pk, job.claim, detail="the executor was restarted")], actor=actor)
    except StaleJobs:
        log.info("a claimed job has changed meanwhile and is left alone", extra={"job": job.pk})


def _take_over(job: Job, actor: Actor) -> bool:
    state = JobStatus(job.status)
    try:
        move([Move(job.pk, job.claim, state, state, takes_over=True, reason="adopted")], actor=actor)
    except StaleJobs:
        return False
    job.claim += 1
    return True


def _recovered(job: Job) -> Running:
    module = registry.get(job.executor)
    handle = dict(job.handle or {})
    resolved, trouble = _environment(job)
    spool = SpoolDir(job.spool_path or "")
    masker = resolved.masker()
    one = Running(
        job=job,
        module=module,
        handle=handle,
        spool=spool,
        job_dir=Path(job_directory(job)),
        resolved=resolved,
        masker=masker,
        feed=LineFeed(
            job.pk,
            spool.stdout,
            spool.stderr,
            masker,
            stdout_offset=job.queue_entry.stdout_offset,
            stderr_offset=job.queue_entry.stderr_offset,
            seq=next_seq(job.pk),
            cap=settings.MULTIFLEXI_OUTPUT_MAX_BYTES,
        ),
        limits=effective(job),
        troubles=TROUBLES_BEFORE_BARE_END if trouble else 0,
        trouble=trouble,
    )
    if job.status == JobStatus.FINISHING:
        one.stage, one.result = Stage.FINISHING, evidence_of(job)
        return one
    found = module.recover(handle)
    if isinstance(found, Alive):
        one.handle = found.handle
        one.stopping = spool.read_kill_note() is not None
    else:
        one.result = found
    return one


def _environment(job: Job) -> tuple[Resolved, str]:
    """The environment of the start; a damaged one leaves the job without output, because it could not be masked.

    Raises the other errors of the vault: without master key no output can be stored, and the jobs wait for it.
    """
    try:
        return snapshot.restore(job), ""
    except DecryptionFailed as error:
        log.error("the environment of an adopted job cannot be read", extra={"job": job.pk, "error": str(error)})
        return Resolved(company_id=job.company_id), str(error)


def never_started(jobs: Sequence[Running]) -> list[Running]:
    """Those of the jobs that are proven never to have started."""
    return [one for one in jobs if isinstance(one.result, NeverStarted)]
