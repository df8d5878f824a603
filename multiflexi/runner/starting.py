"""The point of no return: `running` is committed first, then the job is started."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from multiflexi.executors.contract import Ended, Handle, NeverStarted, StartFailed, StartRefused
from multiflexi.faults import Point, reach
from multiflexi.jobs import snapshot, tasks, uses
from multiflexi.jobs.completion import Completion
from multiflexi.jobs.lifecycle import Move, StaleJobs, move_within
from multiflexi.jobs.output import LineFeed
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import Spool
from multiflexi.models import FailureReason, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.runner import limits
from multiflexi.runner.giving_back import discard, end_unstarted
from multiflexi.runner.isolation import together
from multiflexi.runner.preflight import COULD_NOT_START, Prepared
from multiflexi.runner.running import Running

log = logging.getLogger(__name__)


def start(ready: Sequence[Prepared], spool: Spool, actor: Actor) -> list[Running]:
    """Commit the start of the jobs, then start them; returns those that run, or have ended at once.

    A job that is not ours any more, or was cancelled meanwhile, is left alone. One whose start failed for want of
    resources is returned with the proof that it never started. Behind the commit nothing here needs the database.
    """
    # A process that was stopped for a lease may have been taken for dead, and its jobs for lost, when it goes on.
    latest = time.clock_gettime(time.CLOCK_BOOTTIME) + settings.MULTIFLEXI_LEASE_SECONDS
    started = []
    for one in _committed(ready, spool, actor):
        running = _running(one)
        reach(Point.START_COMMITTED)
        try:
            if time.clock_gettime(time.CLOCK_BOOTTIME) > latest:
                raise StartFailed("the lease ran out between the commit and the start")
            running.handle = one.module.start(one.plan)
            reach(Point.SPAWNED)
        except StartFailed as failure:
            log.warning("a start failed and is undone", extra={"job": one.job.pk, "error": str(failure)})
            running.result = NeverStarted()
        except StartRefused as refusal:
            running.result = Ended(COULD_NOT_START, None, None, None, timezone.now())
            running.warnings.append(refusal.detail)
        except Exception:
            # Whether anything was started is found out by its evidence, like after a crash.
            log.exception("a start went wrong", extra={"job": one.job.pk})
        started.append(running)
    return started


def _committed(ready: Sequence[Prepared], spool: Spool, actor: Actor) -> Iterable[Prepared]:
    if not ready:
        return []
    kept: list[Prepared] = []

    def commit(batch: Sequence[Prepared]) -> None:
        _commit(batch, actor)
        kept.extend(batch)

    def failed(one: Prepared, error: Exception) -> None:
        if isinstance(error, StaleJobs):
            log.info("a claimed job was taken back before its start", extra={"job": one.job.pk})
        else:
            _end_culprit(one, error, actor)
        discard(one.job, spool)

    together(ready, commit, failed)
    return kept


def _end_culprit(one: Prepared, error: Exception, actor: Actor) -> None:
    """End a job whose start cannot be stored, so that it holds nobody up."""
    text = one.resolved.masker().mask_text(f"{type(error).__name__}: {error}")[0]
    log.error("the start of a job cannot be stored", extra={"job": one.job.pk, "error": text})
    one.job.env = one.job.env_meta = one.job.handle = None
    end = Completion(
        one.job,
        JobStatus.QUEUED,
        JobStatus.FAILED,
        end=backend().now(),
        exitcode=COULD_NOT_START,
        reason=FailureReason.START_FAILED,
        detail=text,
    )
    end_unstarted(end, actor)


def _commit(ready: Sequence[Prepared], actor: Actor) -> None:
    now = backend().now()
    with transaction.atomic():
        move_within(
            [Move(one.job.pk, one.job.claim, JobStatus.QUEUED, JobStatus.RUNNING, _values(one, now)) for one in ready],
            actor=actor,
            at=now,
        )
        tasks.start(one.job.task_id for one in ready if one.job.task_id)
        uses.record([(one.job.pk, one.resolved.meta) for one in ready], now)
        reach(Point.START_UNCOMMITTED)


def _values(one: Prepared, now: Any) -> dict[str, Any]:
    job = one.job
    job.env, job.env_meta = snapshot.snapshot(one.resolved, job.pk)
    job.begin, job.handle = now, dict(one.plan.handle)
    return {
        "begin": now,
        "host": socket.gethostname(),
        "boot_id": one.plan.handle.get("boot_id"),
        "spool_path": str(one.spool.path),
        "handle": job.handle,
        "command": one.command.display_words,
        "env": job.env,
        "env_meta": job.env_meta,
        "app_version": job.app.version or "n/a",
        "time_limit": one.plan.launch.limits.time_limit,
        "limits": limits.record(one.plan),
    }


def _running(one: Prepared) -> Running:
    masker = one.resolved.masker()
    handle: Handle = dict(one.plan.handle)
    return Running(
        job=one.job,
        module=one.module,
        handle=handle,
        spool=one.spool,
        job_dir=one.job_dir,
        resolved=one.resolved,
        masker=masker,
        feed=LineFeed(
            one.job.pk,
            one.spool.stdout,
            one.spool.stderr,
            masker,
            cap=settings.MULTIFLEXI_OUTPUT_MAX_BYTES,
        ),
        limits=one.plan.launch.limits,
        applied=one.plan.applied,
        warnings=[*one.resolved.warnings, *one.plan.warnings],
    )
