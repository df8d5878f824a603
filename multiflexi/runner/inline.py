"""One-shot runs in the foreground, on the same claim path as the daemon."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from multiflexi.executors.native import process
from multiflexi.jobs import workers
from multiflexi.jobs.spool import Spool
from multiflexi.models import Job, JobOutputLine, JobStatus, WorkerRole
from multiflexi.runner.cycle import Cycle

WAIT_SECONDS = 0.25


class NotRunnable(Exception):
    """The job cannot be run here and now; the text says why and what to do."""


Listener = Callable[[JobOutputLine], None]


def run_job(job_id: int, *, listener: Listener | None = None, timeout: float | None = None) -> Job:
    """Run one pending job here and wait for its end; its lines go to `listener` as they come.

    Ctrl-C (KeyboardInterrupt) ends the job as a shutdown would. Raises NotRunnable when the job does not wait, or when
    somebody else was faster; raises TimeoutError when it has not begun in time.
    """
    job = Job.objects.get(pk=job_id)
    if job.status != JobStatus.PENDING:
        raise NotRunnable(f"Job {job_id} is {job.status}, not pending.")
    with _instance(places=1, only=job_id) as cycle:
        shown = 0
        deadline = time.monotonic() + timeout if timeout else None
        while True:
            pause = cycle.run_once()
            shown = _tell(job_id, shown, listener)
            job.refresh_from_db()
            if JobStatus(job.status).is_final:
                _tell(job_id, shown, listener)
                return job
            if not cycle.busy and job.status != JobStatus.PENDING:
                raise NotRunnable(f"Job {job_id} was taken by an executor meanwhile.")
            if deadline and not cycle.busy and time.monotonic() > deadline:
                raise TimeoutError(f"Job {job_id} could not begin in {timeout:g} s.")
            _wait(cycle, pause)


def process_queue(*, limit: int | None = None, timeout: float | None = None) -> list[int]:
    """Run due jobs until none is left, `limit` have ended or `timeout` seconds are over; returns their ids."""
    places = min(limit or settings.MULTIFLEXI_MAX_PARALLEL, settings.MULTIFLEXI_MAX_PARALLEL or os.cpu_count() or 1)
    deadline = time.monotonic() + timeout if timeout else None
    with _instance(places=places) as cycle:
        while True:
            pause = cycle.run_once()
            enough = limit is not None and len(cycle.finished) + cycle.owned >= limit
            late = deadline is not None and time.monotonic() > deadline
            if enough or late:
                cycle.claims = False
            if not cycle.busy:
                return list(cycle.finished)
            _wait(cycle, pause)


@contextmanager
def _instance(*, places: int, only: int | None = None) -> Iterator[Cycle]:
    process.forbid_dumps()
    name = f"{socket.gethostname()}#{os.getpid()}"
    with Spool(settings.MULTIFLEXI_SPOOL, name) as spool:
        cycle = Cycle(WorkerRole.INLINE, name, spool, places=places, only=only)
        cycle.start()
        try:
            yield cycle
        except BaseException:
            _end_all(cycle)
            raise
        finally:
            workers.farewell(cycle.worker)
        spool.discard()


def _end_all(cycle: Cycle) -> None:
    """Nobody adopts the jobs of a one-shot run, so none is left behind."""
    cycle.stop_claiming()
    cycle.kill_all(why="the one-shot run was interrupted")
    while cycle.busy:
        _wait(cycle, cycle.run_once())


def _wait(cycle: Cycle, pause: float) -> None:
    descriptors = list(cycle.watched())
    if pause > 0:
        select.select(descriptors, [], [], min(pause, WAIT_SECONDS))


def _tell(job_id: int, after: int, listener: Listener | None) -> int:
    if listener is not None:
        for line in JobOutputLine.objects.filter(job_id=job_id, seq__gt=after).order_by("seq"):
            listener(line)
            after = line.seq
    return after
