"""Jobs that are claimed and prepared but not started: what a place that becomes free is filled with at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from multiflexi.faults import Point, reach
from multiflexi.jobs import claiming, mandate
from multiflexi.jobs.completion import Completion
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import Spool
from multiflexi.models import FailureReason, Job, JobStatus, Worker
from multiflexi.record.actor import Actor
from multiflexi.runner import giving_back, preflight
from multiflexi.runner.gate import Gate
from multiflexi.runner.preflight import Prepared

# Prepared jobs go back to the queue when no place has become free for them by then: another executor may have one,
# and their environment is to be that of the launch.
KEEP_SECONDS = 1.0


class Supply:
    """Claims in batches; `only` is the id of the one job wanted, `at_most` how many are claimed in all.

    `room` is how many more jobs may wait here for their credentials to be checked.
    """

    def __init__(
        self,
        spool: Spool,
        modules: Collection[str],
        *,
        room: int,
        only: int | None = None,
        at_most: int | None = None,
    ) -> None:
        self.gate = Gate(room)
        self._spool, self._modules = spool, modules
        self._only, self._left = only, at_most
        self._claimed: list[Job] = []
        self._ready: list[Prepared] = []
        self._since = 0.0

    def __len__(self) -> int:
        """How many jobs are to find a place free; one whose credentials take long to check is waited for no longer."""
        soon = self.gate.waiting_since(time.monotonic() - KEEP_SECONDS)
        return len(self._claimed) + len(self._ready) + soon

    def __bool__(self) -> bool:
        """Whether any job is kept here."""
        return bool(self._claimed or self._ready or self.gate.jobs)

    def ids(self) -> list[int]:
        """The jobs kept here."""
        kept = [*self._claimed, *(one.job for one in self._ready), *self.gate.jobs]
        return [job.pk for job in kept]

    @property
    def is_stale(self) -> bool:
        """Whether jobs have been waiting here for so long that they are to go back."""
        return bool(self._ready) and time.monotonic() - self._since > KEEP_SECONDS

    def claim(self, worker: Worker, actor: Actor, number: int) -> tuple[int, list[Completion]]:
        """Claim up to so many jobs and prepare them; returns how many, and the ends of those that cannot be started.

        Raises HostUnfit when no job can be prepared here; the jobs stay
        claimed then, and it is for the caller to release them.
        """
        wanted = number if self._left is None else min(number, self._left)
        claimed = claiming.claim(worker, places=wanted, modules=self._modules, actor=actor, only=self._only)
        if not claimed:
            return 0, []
        if self._left is not None:
            self._left -= len(claimed)
        return len(claimed), self._prepare(claimed, actor)

    def go_on(self, actor: Actor) -> list[Completion]:
        """Prepare the jobs whose credentials were checked meanwhile; the ends of those that cannot be started.

        Raises HostUnfit, as `claim`.
        """
        answered = self.gate.answered()
        try:
            return self._prepare(answered, actor, asked=True) if answered else []
        finally:
            self.gate.drop_answers()

    def _prepare(self, jobs: list[Job], actor: Actor, *, asked: bool = False) -> list[Completion]:
        self._claimed = jobs
        if not asked:
            reach(Point.CLAIMED)
        withdrawn = _withdrawn(jobs)
        gone = {one.job.pk for one in withdrawn}
        admitted = self.gate.admit([job for job in jobs if job.pk not in gone], actor, asked=asked)
        if self._left is not None:
            self._left += admitted.went_back
        ends = [*withdrawn, *admitted.ends]
        self._claimed = [*admitted.jobs, *(one.job for one in ends)]
        ready, refused = preflight.prepare(
            admitted.jobs, self._spool, answers=admitted.answers, credentials=admitted.credentials
        )
        self._claimed = []
        if not self._ready:
            self._since = time.monotonic()
        self._ready += ready
        return [*ends, *refused]

    def take(self, number: int) -> list[Prepared]:
        """The first of the prepared jobs, which are the caller's from now on."""
        taken, self._ready = self._ready[:number], self._ready[number:]
        return taken

    def release(self, actor: Actor) -> None:
        """Give all jobs back that were not started."""
        self._give_back([*self._claimed, *self.gate.jobs], actor)
        self.release_ready(actor)
        self.gate.withdraw()
        self.forget()

    def release_ready(self, actor: Actor) -> None:
        """Give the prepared jobs back."""
        self._give_back([one.job for one in self._ready], actor)
        self._ready = []

    def _give_back(self, jobs: list[Job], actor: Actor) -> None:
        for job in jobs:
            giving_back.give_back(job, self._spool, actor)
            if self._left is not None:
                self._left += 1

    def forget(self) -> None:
        """Keep nothing in mind: what the database says of our jobs counts now."""
        self._claimed, self._ready = [], []
        self.gate.forget()


def _withdrawn(jobs: Sequence[Job]) -> list[Completion]:
    """The ends of jobs whose person lost the right to run them, also by the passing of a date."""
    reasons = mandate.missing(jobs)
    now = backend().now() if reasons else None
    return [
        Completion(
            job,
            JobStatus.QUEUED,
            JobStatus.CANCELLED,
            end=now,
            reason=FailureReason.CANCELLED,
            detail=reasons[job.pk],
        )
        for job in jobs
        if now and job.pk in reasons
    ]
