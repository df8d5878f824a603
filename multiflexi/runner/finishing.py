"""From the proof of a job's end to its final state: evidence first, then output and artifacts, then the completion."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from multiflexi.executors.contract import Ended, Unknown, Usage
from multiflexi.faults import Point, reach
from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import Move, StaleJobs, move
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import KillNote
from multiflexi.models import FailureReason, Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.runner import late, results
from multiflexi.runner.isolation import together
from multiflexi.runner.preflight import COULD_NOT_START
from multiflexi.runner.running import Running, Stage
from multiflexi.runner.watching import TIMEOUT

log = logging.getLogger(__name__)

TIME_LIMIT_EXCEEDED = 124
PLATFORM_FAILED = -1


def finish(jobs: Sequence[Running], actor: Actor) -> tuple[list[Running], list[Running]]:
    """End the jobs whose outcome is proven, and those that are lost; returns (ended, not ours any more).

    A job that left little passes `finishing` and its final state in one transaction; for one with much to store the
    proof is committed first. A job whose results cannot be stored is tried again a few times, then ends without them
    and says so.
    """
    due = [one for one in jobs if _is_proven(one) and not one.is_resting]
    if any(one.stage is Stage.RUNNING for one in due):
        reach(Point.ENDED)
    gone = _stage_all([one for one in due if one.needs_stage and not results.are_small(one)], actor)
    due = [one for one in due if one not in gone]
    ended: list[Running] = []

    def finish_batch(batch: Sequence[Running]) -> None:
        reach(Point.STAGED)
        found = results.gather(batch)
        reach(Point.GATHERED)
        with transaction.atomic():
            results.save(found)
            reach(Point.ARTIFACTS_SAVED)
            complete([_completion(one, results.columns(one, found)) for one in batch], actor=actor)
            reach(Point.END_UNCOMMITTED)
        reach(Point.END_COMMITTED)
        ended.extend(batch)

    def failed(one: Running, error: Exception) -> None:
        if isinstance(error, StaleJobs):
            (ended if _has_ended(one) else gone).append(one)
        else:
            one.note_trouble(error)

    together(due, finish_batch, failed)
    return ended, gone


def _is_proven(one: Running) -> bool:
    return one.stage is Stage.FINISHING or isinstance(one.result, Ended | Unknown)


def _stage_all(jobs: Sequence[Running], actor: Actor) -> list[Running]:
    """Store the evidence: `running` becomes `finishing`. Returns the jobs that are not ours any more."""
    gone: list[Running] = []

    def failed(one: Running, error: Exception) -> None:
        if not isinstance(error, StaleJobs):
            one.note_trouble(error)
        elif not _was_committed(one, JobStatus.FINISHING):
            gone.append(one)

    together(jobs, lambda batch: _stage(batch, actor), failed)
    return gone


def _stage(batch: Sequence[Running], actor: Actor) -> None:
    move(
        [
            Move(
                one.id,
                one.job.claim,
                JobStatus.RUNNING,
                JobStatus.FINISHING,
                {"staged_result": _evidence(one.result)},
            )
            for one in batch
            if isinstance(one.result, Ended)
        ],
        actor=actor,
        at=backend().now(),
    )
    for one in batch:
        one.stage = Stage.FINISHING


def _was_committed(one: Running, status: JobStatus) -> bool:
    """Whether our own change was committed although the answer was lost on the way."""
    found = Job.objects.filter(pk=one.id, claim=one.job.claim, status=status).exists()
    if found:
        one.stage = Stage.FINISHING
    return found


def _has_ended(one: Running) -> bool:
    """Whether our own end was committed; one that others decided without us is still to get its late result."""
    job = Job.objects.filter(pk=one.id, claim=one.job.claim).only("status", "collect_error").first()
    return job is not None and JobStatus(job.status).is_final and not late.awaited(job)


def _evidence(result: Ended) -> dict[str, Any]:
    return {
        "exit_code": result.exit_code,
        "signal": result.signal,
        "ended_at": result.ended_at.isoformat(),
        "kill_note": asdict(result.kill_note) if result.kill_note else None,
        "usage": asdict(result.usage) if result.usage else None,
        "cause": result.cause,
    }


def evidence_of(job: Job) -> Ended:
    """The evidence that was stored with a job in state `finishing`."""
    staged = job.staged_result or {}
    note, usage = staged.get("kill_note"), staged.get("usage")
    return Ended(
        exit_code=staged["exit_code"],
        signal=staged["signal"],
        kill_note=KillNote(**note) if note else None,
        usage=Usage(**usage) if usage else None,
        ended_at=datetime.fromisoformat(staged["ended_at"]),
        cause=staged.get("cause"),
    )


def _completion(one: Running, values: dict[str, Any]) -> Completion:
    if isinstance(one.result, Unknown):
        return Completion(
            one.job,
            JobStatus.RUNNING,
            JobStatus.LOST,
            end=one.result.last_sign or timezone.now(),
            exitcode=PLATFORM_FAILED,
            reason=FailureReason.LOST,
            detail=one.result.word,
            values=values,
        )
    assert isinstance(one.result, Ended)  # noqa: S101 - the caller chose these
    result = one.result
    target, exitcode, reason, detail = verdict(result)
    if exitcode == COULD_NOT_START and one.handle.get("pid") is None and one.warnings:
        reason, detail = FailureReason.START_FAILED, one.warnings[-1]
    return Completion(
        one.job,
        JobStatus.FINISHING if one.stage is Stage.FINISHING else JobStatus.RUNNING,
        target,
        end=max(result.ended_at, one.job.begin or result.ended_at),
        exitcode=exitcode,
        exit_signal=result.signal,
        reason=reason,
        detail=detail,
        values=values
        | _usage(result.usage)
        | {"pid": one.handle.get("pid"), "pid_started": one.handle.get("pid_started")},
    )


def succeeded(one: Running) -> bool:
    """Whether the evidence leads to success."""
    return isinstance(one.result, Ended) and verdict(one.result)[0] == JobStatus.SUCCESS


def verdict(result: Ended) -> tuple[JobStatus, int, str | None, str | None]:
    """Final state, exit code, failure reason and its detail that the evidence of an end leads to."""
    note = result.kill_note
    if note is not None and note.reason == TIMEOUT:
        return JobStatus.TIMEOUT, TIME_LIMIT_EXCEEDED, FailureReason.TIMEOUT, note.why
    if note is not None:
        return JobStatus.TERMINATED, result.exit_code, note.detail, f"{note.who}: {note.why}".strip(": ")
    if result.exit_code == 0:
        return JobStatus.SUCCESS, 0, None, None
    return JobStatus.FAILED, result.exit_code, result.cause, None


def _usage(usage: Usage | None) -> dict[str, Any]:
    used = usage or Usage(None, None, None)
    return {
        "cpu_seconds": None if used.cpu_seconds is None else round(used.cpu_seconds, 3),
        "max_rss_kb": used.max_rss_kb,
        "wall_seconds": None if used.wall_seconds is None else round(used.wall_seconds, 3),
    }
