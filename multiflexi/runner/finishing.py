"""From the proof of a job's end to its final state: evidence first, then output and artifacts, then the completion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from multiflexi.executors.contract import Ended, Unknown, Usage
from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import Move, StaleJobs, move
from multiflexi.jobs.queue import backend, is_passing
from multiflexi.jobs.spool import KillNote
from multiflexi.models import FailureReason, Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.runner import results
from multiflexi.runner.preflight import COULD_NOT_START
from multiflexi.runner.running import Running, Stage
from multiflexi.runner.watching import TIMEOUT

log = logging.getLogger(__name__)

TIME_LIMIT_EXCEEDED = 124
PLATFORM_FAILED = -1


def stage(jobs: Sequence[Running], actor: Actor) -> list[Running]:
    """Store the evidence: `running` becomes `finishing`. Returns the jobs that are not ours any more."""
    ended = [one for one in jobs if one.stage is Stage.RUNNING and isinstance(one.result, Ended)]
    gone = _all_or_each(ended, lambda batch: _stage(batch, actor))
    return [one for one in gone if not _was_committed(one, JobStatus.FINISHING)]


def finish(jobs: Sequence[Running], actor: Actor) -> tuple[list[Running], list[Running]]:
    """End the jobs whose outcome is proven, and those that are lost; returns (ended, not ours any more).

    A job whose results cannot be stored is tried again a few times, then ends without them and says so.
    """
    due = [one for one in jobs if one.stage is Stage.FINISHING or isinstance(one.result, Unknown)]
    ended: list[Running] = []

    def finish_batch(batch: Sequence[Running]) -> None:
        kept = results.gather(batch)
        with transaction.atomic():
            results.save(kept)
            complete([_completion(one, results.columns(one, kept.get(one.id))) for one in batch], actor=actor)
        ended.extend(batch)

    stale = _all_or_each(due, finish_batch)
    gone: list[Running] = []
    for one in stale:
        (ended if _has_ended(one) else gone).append(one)
    return ended, gone


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


def _all_or_each(batch: Sequence[Running], action: Callable[[Sequence[Running]], None]) -> list[Running]:
    """Do it for all at once; when that fails, for each alone. Returns those that somebody else decided about."""
    if not batch:
        return []
    try:
        action(batch)
        return []
    except Exception as error:
        if is_passing(error):
            raise
        if len(batch) == 1:
            return _alone_failed(batch[0], error)
    stale = []
    for one in batch:
        stale.extend(_all_or_each([one], action))
    return stale


def _alone_failed(one: Running, error: Exception) -> list[Running]:
    if isinstance(error, StaleJobs):
        return [one]
    one.troubles += 1
    one.trouble = one.masker.mask_text(str(error))[0]
    log.error("a job's results could not be stored", extra={"job": one.id, "error": one.trouble, "try": one.troubles})
    return []


def _was_committed(one: Running, status: JobStatus) -> bool:
    """Whether our own change was committed although the answer was lost on the way."""
    found = Job.objects.filter(pk=one.id, claim=one.job.claim, status=status).exists()
    if found:
        one.stage = Stage.FINISHING
    return found


def _has_ended(one: Running) -> bool:
    row = Job.objects.filter(pk=one.id, claim=one.job.claim).values_list("status", flat=True).first()
    return row is not None and JobStatus(row).is_final


def _evidence(result: Ended) -> dict[str, Any]:
    return {
        "exit_code": result.exit_code,
        "signal": result.signal,
        "ended_at": result.ended_at.isoformat(),
        "kill_note": asdict(result.kill_note) if result.kill_note else None,
        "usage": asdict(result.usage) if result.usage else None,
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
        JobStatus.FINISHING,
        target,
        end=max(result.ended_at, one.job.begin or result.ended_at),
        exitcode=exitcode,
        exit_signal=result.signal,
        reason=reason,
        detail=detail,
        values=values | _usage(result.usage),
    )


def verdict(result: Ended) -> tuple[JobStatus, int, str | None, str | None]:
    """Final state, exit code, failure reason and its detail that the evidence of an end leads to."""
    note = result.kill_note
    if note is not None and note.reason == TIMEOUT:
        return JobStatus.TIMEOUT, TIME_LIMIT_EXCEEDED, FailureReason.TIMEOUT, note.why
    if note is not None:
        return JobStatus.TERMINATED, result.exit_code, note.detail, f"{note.who}: {note.why}".strip(": ")
    if result.exit_code == 0:
        return JobStatus.SUCCESS, 0, None, None
    return JobStatus.FAILED, result.exit_code, None, None


def _usage(usage: Usage | None) -> dict[str, Any]:
    return {
        "cpu_seconds": round(usage.cpu_seconds, 3) if usage else None,
        "max_rss_kb": usage.max_rss_kb if usage else None,
    }
