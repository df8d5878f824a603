"""Waiting for the end of jobs that somebody else runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Option, flag, value
from multiflexi.cli.output.errors import WAITED_TOO_LONG, Failure, Rejected
from multiflexi.cli.values import COUNT

PAUSE = 0.5


def wait_options() -> list[Option]:
    return [
        flag("--wait", help="Wait for the end"),
        value("--timeout", help="Wait at most so many seconds", type=COUNT),
    ]


def ended(call: Call, ids: Sequence[int]) -> list[Any]:
    """The jobs after their end; exit code 124 when the time is over before."""
    from multiflexi.cli.progress import counted

    with counted(call, "jobs have not ended") as progress:
        return _awaited(call, ids, progress)


def _awaited(call: Call, ids: Sequence[int], progress: Callable[[int], None] | None) -> list[Any]:
    from multiflexi.models import Job, JobStatus

    limit = call["timeout"]
    deadline = time.monotonic() + limit if limit else None
    while True:
        jobs = list(Job.objects.filter(pk__in=ids).order_by("pk"))
        waiting = [job.pk for job in jobs if not JobStatus(job.status).is_final]
        if not waiting:
            return jobs
        if progress:
            progress(len(waiting))
        if deadline and time.monotonic() >= deadline:
            listed = ", ".join(map(str, waiting))
            raise Rejected(
                Failure(
                    f"Jobs have not ended within {limit} s: {listed}; they go on.",
                    "wait_timeout",
                    WAITED_TOO_LONG,
                    details={"jobs": waiting},
                )
            )
        time.sleep(PAUSE)


def outcome(job: Any) -> dict[str, Any]:
    """Members that tell how a job ended."""
    return {"status": job.status, "exitcode": job.exitcode, "failure_reason": job.failure_reason}
