"""One-shot runs in the foreground, on the same claim path as the daemon."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from multiflexi.executors.native import process
from multiflexi.jobs import workers
from multiflexi.jobs.spool import Spool
from multiflexi.models import Job, JobOutputLine, JobStatus, WorkerRole
from multiflexi.runner.cycle import UNLIMITED, Cycle

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
            cycle.wait(pause)


def process_queue(*, limit: int | None = None, timeout: float | None = None) -> list[int]:
    """Run due jobs until none is left, `limit` have ended or `timeout` seconds are over; returns their ids."""
    most = settings.MULTIFLEXI_MAX_PARALLEL or UNLIMITED
    places = min(limit or most, most)
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
            cycle.wait(pause)


class _Inline(Cycle):
    """A cycle whose pauses are where Ctrl-C takes effect: in a query it would leave the connection unusable."""

    interrupted = False

    def wait(self, pause: float) -> None:
        """Pause until a job ends; raises KeyboardInterrupt when it was asked for since the last pause."""
        if not self.interrupted and pause > 0:
            select.select(list(self.watched()), [], [], min(pause, WAIT_SECONDS))
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def end_all(self) -> None:
        """End every job: nobody adopts those of a one-shot run."""
        self.stop_claiming()
        self.kill_all(why="the one-shot run was interrupted")
        while self.busy:
            pause = self.run_once()
            select.select(list(self.watched()), [], [], min(pause, WAIT_SECONDS))


@contextmanager
def _instance(*, places: int, only: int | None = None) -> Iterator[_Inline]:
    process.forbid_dumps()
    name = f"{socket.gethostname()}#{os.getpid()}"
    with Spool(settings.MULTIFLEXI_SPOOL, name) as spool:
        cycle = _Inline(WorkerRole.INLINE, name, spool, places=places, only=only)
        with _noting_interrupts(cycle):
            cycle.start()
            try:
                yield cycle
            except BaseException:
                cycle.end_all()
                raise
            finally:
                workers.farewell(cycle.worker)
        spool.discard()


@contextmanager
def _noting_interrupts(cycle: _Inline) -> Iterator[None]:
    """Let Ctrl-C wait for the next pause; only the main thread can, and only it is interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(_number: int, _frame: object) -> None:
        cycle.interrupted = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(job_id: int, after: int, listener: Listener | None) -> int:
    if listener is not None:
        for line in JobOutputLine.objects.filter(job_id=job_id, seq__gt=after).order_by("seq"):
            listener(line)
            after = line.seq
    return after
