"""One-shot runs in the foreground, on the same claim path as the daemon."""

from __future__ import annotations

import math
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
from multiflexi.models import Job, JobStatus, QueueEntry, WorkerRole
from multiflexi.runner.cycle import UNLIMITED, Cycle
from multiflexi.runner.fencing import Guard
from multiflexi.vault import keyring
from multiflexi.vault.names import CREDENTIALS

WAIT_SECONDS = 0.25


class NotRunnable(Exception):
    """The job cannot be run here and now; the text says why and what to do."""


class Deferred(NotRunnable):
    """A credential of the job cannot be used now; the job waits for it in the queue."""


def run_job(
    job_id: int,
    *,
    look: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda _: None,
    timeout: float | None = None,
) -> Job:
    """Run one pending job here and wait for its end; `look` is called after each cycle, `tell` with what hinders it.

    Ctrl-C (KeyboardInterrupt) ends the job as a shutdown would. Raises NotRunnable when the job does not wait or
    somebody else was faster, Deferred when a credential keeps it from running, TimeoutError when it has not begun in
    time, and a VaultError at once when no secret can be opened.
    """
    job = Job.objects.get(pk=job_id)
    if job.status != JobStatus.PENDING:
        raise NotRunnable(f"Job {job_id} is {job.status}, not pending.")
    deferrals = _deferrals(job_id)[0]
    with _instance(places=1, only=job_id) as cycle:
        deadline = time.monotonic() + timeout if timeout else None
        told: str | None = None
        while True:
            pause = cycle.run_once()
            told = _told(cycle, told, tell)
            look()
            job.refresh_from_db()
            if JobStatus(job.status).is_final:
                return job
            if not cycle.busy and job.status != JobStatus.PENDING:
                raise NotRunnable(f"Job {job_id} was taken by an executor meanwhile.")
            if not cycle.busy and _deferrals(job_id)[0] > deferrals:
                raise Deferred(f"Job {job_id} waits: {_deferrals(job_id)[1]}")
            if deadline and not cycle.busy and time.monotonic() > deadline:
                raise TimeoutError(f"Job {job_id} could not begin in {timeout:g} s.")
            cycle.wait(pause)


def _deferrals(job_id: int) -> tuple[int, str]:
    """How often the job was deferred, and why the last time."""
    entry = QueueEntry.objects.filter(job_id=job_id).first()
    return (entry.deferrals, entry.defer_reason or "") if entry else (0, "")


def _told(cycle: Cycle, told: str | None, tell: Callable[[str], None]) -> str | None:
    """What hinders the cycle, told once."""
    if cycle.obstacle and cycle.obstacle != told:
        tell(cycle.obstacle)
    return cycle.obstacle


def process_queue(
    *, limit: int | None = None, tell: Callable[[str], None] = lambda _: None, timeout: float | None = None
) -> list[int]:
    """Run due jobs until none is left, `limit` have ended or `timeout` seconds are over; returns their ids.

    `tell` is called with what hinders it.

    Raises a VaultError when no secret can be opened.
    """
    most = settings.MULTIFLEXI_MAX_PARALLEL or UNLIMITED
    places = min(limit or most, most)
    deadline = time.monotonic() + timeout if timeout else None
    with _instance(places=places, at_most=limit) as cycle:
        told: str | None = None
        while True:
            pause = cycle.run_once()
            told = _told(cycle, told, tell)
            if deadline is not None and time.monotonic() > deadline:
                cycle.stop_claiming()
            if not cycle.busy:
                return list(cycle.finished)
            cycle.wait(pause)


class _Inline(Cycle):
    """A cycle whose pauses are where Ctrl-C takes effect: in a query it would leave the connection unusable."""

    interrupted = False

    def wait(self, pause: float) -> None:
        """Pause until a job ends; raises KeyboardInterrupt when it was asked for since the last pause."""
        if not self.interrupted and pause > 0:
            self._await_end(pause)
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def end_all(self) -> None:
        """End every job: nobody adopts those of a one-shot run."""
        # Before anything that needs the database, which may be why the run ends.
        self.kill_all(why="the one-shot run was interrupted")
        self.stop_claiming()
        while self.busy:
            pause = self.run_once()
            self._await_end(pause)

    def _await_end(self, pause: float) -> None:
        poll = select.poll()
        for descriptor in self.watched():
            poll.register(descriptor, select.POLLIN)
        poll.poll(math.ceil(min(pause, WAIT_SECONDS) * 1000))


@contextmanager
def _instance(*, places: int, only: int | None = None, at_most: int | None = None) -> Iterator[_Inline]:
    process.forbid_dumps()
    # A cycle would wait for the key, and nobody sees what it waits for.
    keyring.current(CREDENTIALS)
    name = f"{socket.gethostname()}#{os.getpid()}"
    with Spool(settings.MULTIFLEXI_SPOOL, name) as spool:
        cycle = _Inline(WorkerRole.INLINE, name, spool, places=places, only=only, at_most=at_most)
        guard = Guard(cycle.fence)
        with _noting_interrupts(cycle):
            cycle.start()
            guard.start()
            try:
                yield cycle
            except BaseException:
                cycle.end_all()
                raise
            finally:
                guard.stop()
                cycle.wait_for_removal()
                spool.discard()
                workers.farewell(cycle.worker)


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
