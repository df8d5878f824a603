"""Record type "job"."""

from __future__ import annotations

import shlex
from typing import Any

from multiflexi.models import Job, JobHistory
from multiflexi.services.lists import same
from multiflexi.services.presenters.secrets import environment

SORTABLE = same(
    "id",
    "app_id",
    "begin",
    "end",
    "company_id",
    "exitcode",
    "schedule",
    "executor",
    "app_version",
    "runtemplate_id",
    "schedule_type",
    "pid",
    "task_id",
    "status",
    "failure_reason",
    "attempt",
    "retention_until",
    launched_by="launched_by_id",
    retry_of="retry_of_id",
    scheduled="schedule",
)
BESIDE_THE_LIST = ("stdout", "stderr")


def row(job: Job) -> dict[str, Any]:
    return {
        "id": job.pk,
        "app_id": job.app_id,
        "begin": job.begin,
        "end": job.end,
        "company_id": job.company_id,
        "exitcode": job.exitcode,
        "launched_by": job.launched_by_id,
        "env": environment(job.env, job.env_meta),
        "command": command_line(job),
        "schedule": job.schedule,
        "executor": job.executor,
        "app_version": job.app_version,
        "runtemplate_id": job.runtemplate_id,
        "schedule_type": job.schedule_type,
        "pid": job.pid,
        "retention_until": job.retention_until,
        "marked_for_deletion": job.marked_for_deletion,
        "task_id": job.task_id,
        "status": job.status,
        "failure_reason": job.failure_reason,
        "retry_of": job.retry_of_id,
        "attempt": job.attempt,
        "scheduled": job.schedule,
    }


def command_line(job: Job) -> str | None:
    """The recorded words as one line; they are masked where they are recorded."""
    if not job.command:
        return None
    return shlex.join(str(word) for word in job.command) if isinstance(job.command, list) else str(job.command)


def with_output(job: Job, tail: int | None = None) -> dict[str, Any]:
    """The row and the ends of both streams, at most `tail` characters of each."""
    return {**row(job), "stdout": _end(job.stdout, tail), "stderr": _end(job.stderr, tail)}


def _end(text: str | None, tail: int | None) -> str:
    return (text or "")[-tail:] if tail else (text or "")


def summary(job: Job) -> dict[str, Any]:
    """The few members of `job:status --id`."""
    return {
        "id": job.pk,
        "status": job.status,
        "exitcode": job.exitcode,
        "schedule": job.schedule,
        "begin": job.begin,
        "end": job.end,
        "duration": (job.end - job.begin).total_seconds() if job.begin and job.end else None,
        "executor": job.executor,
    }


def transition(entry: JobHistory) -> dict[str, Any]:
    return {
        "time": entry.at,
        "from": entry.from_status,
        "to": entry.to_status,
        "actor": entry.actor,
        "reason": entry.reason,
        "detail": entry.detail,
    }
