"""Whether and when a job that ended without success is repeated (a retry is a new job)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from multiflexi.models import Backoff, FailureReason, JobStatus, RunTemplate, Task

LONGEST_DELAY = 86400
JITTER = 0.1
PLATFORM_FAILED = -1


def is_retryable(
    status: JobStatus,
    exitcode: int | None,
    failure_reason: str | None,
    *,
    attempt: int,
    runtemplate: RunTemplate,
    declared: bool | None,
) -> bool:
    """Apply rules 1 and 2; `declared` is what the application's definition says about this exit code, None = nothing.

    What a person ended, and what was blocked, is never repeated; what the platform ended or lost is.
    """
    if status in (JobStatus.SUCCESS, JobStatus.BLOCKED, JobStatus.CANCELLED) or attempt > runtemplate.max_retries:
        return False
    if status == JobStatus.TERMINATED and failure_reason not in (FailureReason.SHUTDOWN, FailureReason.CUT_OFF):
        return False
    if status == JobStatus.TERMINATED or exitcode == PLATFORM_FAILED:
        return True
    if runtemplate.retry_on_exit_codes:
        return exitcode in runtemplate.retry_on_exit_codes
    return declared is not False


def delay(runtemplate: RunTemplate, retry: int, *, draw: random.Random | None = None) -> timedelta:
    """The pause before the k-th retry (k from 1), with ±10 % of jitter, at most a day."""
    base = runtemplate.retry_delay
    factor = {Backoff.LINEAR: retry, Backoff.EXPONENTIAL: 2 ** min(retry - 1, 30)}.get(
        Backoff(runtemplate.retry_backoff), 1
    )
    spread = (draw or random).uniform(1 - JITTER, 1 + JITTER)
    return timedelta(seconds=min(base * factor * spread, LONGEST_DELAY))


def fits(start: datetime, task: Task | None, runtemplate: RunTemplate) -> bool:
    """Rule 3: the next start lies before the task's deadline, or before the window's end where late is allowed."""
    if task is None:
        return True
    return start <= task.deadline or (runtemplate.allow_late and start <= task.window_end)
