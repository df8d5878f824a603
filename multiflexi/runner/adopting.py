"""Taking over the jobs of an earlier process of the same name; only the holder of the spool lock may."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

from multiflexi.executors import registry
from multiflexi.executors.contract import Alive, NeverStarted
from multiflexi.faults import Point, reach
from multiflexi.jobs import snapshot
from multiflexi.jobs.claiming import renew_leases
from multiflexi.jobs.directories import job_directory
from multiflexi.jobs.lifecycle import Move, StaleJobs, move
from multiflexi.jobs.resolved import Resolved
from multiflexi.jobs.spool import Spool, SpoolDir
from multiflexi.models import ACTIVE_STATES, Job, JobStatus, Worker
from multiflexi.record.actor import Actor
from multiflexi.runner.finishing import evidence_of
from multiflexi.runner.giving_back import give_back
from multiflexi.runner.isolation import concerns_all
from multiflexi.runner.limits import recorded
from multiflexi.runner.running import TROUBLES_BEFORE_BARE_END, Running, Stage
from multiflexi.runner.watching import feed_from
from multiflexi.vault.errors import DecryptionFailed

log = logging.getLogger(__name__)


def adopt(worker: Worker, spool: Spool, actor: Actor, *, known: Collection[int] = ()) -> list[Running]:
    """Take over every job that this worker owns: unstarted ones go back, the others are ours with a new token.

    What became of a started one is decided by evidence; nothing is ever started again here. One that was started on
    another host, which alone has its evidence, is left to that host and to its lease. `known` are the ids of those that
    this process watches already.
    """
    owned = list(
        Job.objects.select_related("app", "company", "runtemplate", "queue_entry")
        .filter(worker=worker, status__in=ACTIVE_STATES)
        .exclude(pk__in=known)
    )
    for job in owned:
        if job.status == JobStatus.QUEUED:
            give_back(job, spool, actor, detail="the executor was restarted")
    started = [job for job in owned if job.status != JobStatus.QUEUED and _is_of_this_host(job)]
    taken = [job for job in started if _take_over(job, actor)]
    if taken:
        reach(Point.ADOPTED)
    renew_leases(worker, [*known, *(job.pk for job in taken)])
    adopted = [one for job in taken if (one := _recovered_or_left(job)) is not None]
    if adopted:
        log.info("%d jobs were adopted", len(adopted), extra={"jobs": [one.id for one in adopted]})
    return adopted


def _is_of_this_host(job: Job) -> bool:
    """Whether the evidence of the start would be here; a host may have been renamed, but then the spool is there."""
    if job.host in (None, socket.gethostname()):
        return True
    return bool(job.spool_path) and Path(job.spool_path or "").is_dir()


def _take_over(job: Job, actor: Actor) -> bool:
    state = JobStatus(job.status)
    try:
        move([Move(job.pk, job.claim, state, state, takes_over=True, reason="adopted")], actor=actor)
    except StaleJobs:
        return False
    job.claim += 1
    return True


def _recovered_or_left(job: Job) -> Running | None:
    """One job that cannot be adopted, for example because its executor module is gone, does not hold the others up."""
    try:
        return _recovered(job)
    except Exception as error:
        if concerns_all(error):
            raise
        log.exception("a job cannot be adopted and is left as it is", extra={"job": job.pk})
        return None


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
        feed=feed_from(job.queue_entry, spool, masker),
        limits=recorded(job),
        applied=(job.limits or {}).get("applied", {}),
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
