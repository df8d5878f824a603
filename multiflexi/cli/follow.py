"""Lines of a job's output as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from multiflexi.cli.call import Call

PAUSE = 0.5


def lines_of(call: Call, job: Any) -> Iterator[dict[str, Any]]:
    """The lines stored so far and with `--follow` those to come, until the job has ended."""
    from multiflexi.models import JobStatus
    from multiflexi.services import job_log

    stream = "stderr" if call["stderr"] else None
    last, ended = 0, JobStatus(job.status).is_final
    if ended and not job_log.has_lines(job):
        yield from (line._asdict() for line in job_log.kept_lines(job, stream=stream, tail=call["tail"]))
        return
    tail = call["tail"]
    while True:
        for line in job_log.lines(job, after=last, stream=stream, tail=tail):
            last = line.seq
            yield line._asdict()
        if ended or not call["follow"]:
            return
        tail = None
        time.sleep(PAUSE)
        job.refresh_from_db(fields=["status"])
        # The lines that came between the last look and the end are read once more before leaving.
        ended = JobStatus(job.status).is_final
