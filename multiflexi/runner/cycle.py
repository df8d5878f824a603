"""The cycle of one executor instance; every step may be repeated after an error."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from multiflexi.executors import registry
from multiflexi.executors.contract import NeverStarted
from multiflexi.executors.native import process
from multiflexi.jobs import claiming, workers
from multiflexi.jobs.completion import Completion, complete
from multiflexi.jobs.lifecycle import StaleJobs
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import Spool
from multiflexi.models import FailureReason, Job, QueueEntry, Worker, WorkerRole, WorkerState
from multiflexi.record.actor import Actor
from multiflexi.runner import adopting, finishing, giving_back, preflight, reaping, starting, watching
from multiflexi.runner.running import Running, Stage
from multiflexi.vault import keyring
from multiflexi.vault.errors import VaultError
from multiflexi.vault.names import CREDENTIALS

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
WATCH_SECONDS = 1.0
UNLIMITED = 1000
MIB = 1024 * 1024


class Cycle:
    """Claims, starts, watches and finishes jobs in the name of one worker that holds its spool."""

    def __init__(
        self,
        role: str,
        name: str,
        spool: Spool,
        *,
        places: int,
        modules: Collection[str] | None = None,
        only: int | None = None,
    ) -> None:
        self._role, self._name, self._spool = role, name, spool
        self.places = places
        self._modules = tuple(modules or registry.names())
        self._only = only
        self._jobs: dict[int, Running] = {}
        self._claimed: list[Job] = []
        self._worker: Worker | None = None
        self._actor: Actor | None = None
        self._next_beat = self._next_flush = self._next_claim = 0.0
        self._next_reap = math.inf
        self._in_doubt = False
        self._known_obstacle: str | None = None
        self.claims = True
        self.finished: list[int] = []

    @property
    def worker(self) -> Worker:
        assert self._worker is not None  # noqa: S101 - start() came before
        return self._worker

    @property
    def actor(self) -> Actor:
        assert self._actor is not None  # noqa: S101
        return self._actor

    @property
    def busy(self) -> bool:
        """Whether any job is owned."""
        return bool(self._jobs or self._claimed)

    @property
    def owned(self) -> int:
        """How many jobs are owned."""
        return len(self._jobs) + len(self._claimed)

    def start(self) -> None:
        """Announce the worker and adopt what an earlier process of this name left."""
        boot_id, pid_started = process.own_identity()
        self._worker = workers.register(
            self._role,
            self._name,
            boot_id=boot_id,
            pid_started=pid_started,
            places=self.places,
            modules=list(self._modules),
        )
        self._actor = workers.actor_of(self._worker)
        self._jobs = {one.id: one for one in adopting.adopt(self._worker, self._spool, self._actor)}
        adopting.sweep(self._spool, self._jobs)
        self._next_reap = time.monotonic() + settings.MULTIFLEXI_LEASE_SECONDS

    def run_once(self) -> float:
        """One cycle; seconds until the next one is wanted."""
        # Limits are kept and stops go on without a database, so this comes before everything that needs one.
        watching.look(self._jobs.values())
        self._settle_doubts()
        self._in_doubt = True
        self._beat()
        self._finish()
        self._flush()
        self._reap()
        if self.claims:
            self._fill()
        self._in_doubt = False
        return self._pause()

    def watched(self) -> Iterable[int]:
        """Descriptors that become readable when a job ends."""
        for one in self._jobs.values():
            if one.stage is Stage.RUNNING and one.result is None and not one.stopping:
                descriptor = one.module.watch_fd(one.handle)
                if descriptor is not None:
                    yield descriptor

    def stop_claiming(self) -> None:
        """Take no further jobs, and give back those that were not started."""
        self.claims = False
        self._settle_doubts()
        self._release_claimed()

    def kill_all(self, *, why: str) -> None:
        """Begin to end every running job on behalf of the platform; none is granted more than the executor's grace."""
        for one in self._jobs.values():
            if one.stage is Stage.RUNNING and one.result is None:
                watching.stop(
                    one,
                    watching.TERMINATED,
                    FailureReason.SHUTDOWN,
                    who=watching.PLATFORM,
                    why=why,
                    grace=min(one.limits.kill_grace, float(settings.MULTIFLEXI_KILL_GRACE)),
                )

    def detach(self) -> None:
        """Leave the running jobs to the next process of this name: their leases hold for the detach time."""
        self._settle_doubts()
        self._release_claimed()
        watching.flush_lines(list(self._jobs.values()))
        if self._jobs:
            until = backend().now() + timedelta(seconds=settings.MULTIFLEXI_DETACH_SECONDS)
            QueueEntry.objects.filter(worker=self.worker).update(lease_until=until)
        workers.farewell(self.worker, WorkerState.DETACHED if self._jobs else WorkerState.STOPPED)

    def describe(self) -> list[str]:
        """One line for each job owned."""
        return [f"job {one.id} {one.stage.name.lower()} pid {one.handle.get('pid')}" for one in self._jobs.values()]

    def _settle_doubts(self) -> None:
        """After a cycle that failed: which of its commits arrived is told by the rows, not by our memory.

        What was claimed goes back, what was committed as running without our knowing is adopted by its evidence.
        """
        if not self._in_doubt:
            return
        # While the database was away nobody could renew a lease.
        self._next_reap = time.monotonic() + settings.MULTIFLEXI_LEASE_SECONDS
        self._claimed = []
        for one in adopting.adopt(self.worker, self._spool, self.actor, known=self._jobs):
            self._jobs[one.id] = one
        watching.read_on(self._jobs.values())
        self._in_doubt = False

    def _beat(self) -> None:
        now = time.monotonic()
        if self._jobs:
            watching.obey_stop_requests(self._jobs, self.worker)
        if now < self._next_beat:
            return
        used = sum(one.takes_place for one in self._jobs.values())
        seen = workers.heartbeat(
            self.worker,
            places=self.places,
            places_used=used,
            state=WorkerState.RUNNING if self.claims else WorkerState.DRAINING,
            not_claiming_reason=self._obstacle(),
            last_cycle_at=backend().now(),
        )
        claiming.renew_leases(self.worker)
        watching.note_renewal(self._jobs.values(), seen)
        self._next_beat = now + settings.MULTIFLEXI_HEARTBEAT_SECONDS

    def _reap(self) -> None:
        """Decide about jobs whose owner has disappeared; a one-shot run looks after its own job only."""
        if self._role != WorkerRole.EXECUTOR or time.monotonic() < self._next_reap:
            return
        reaping.reap(self.worker, self.actor)
        if reaping.take_over_one_shots(self.worker):
            for one in adopting.adopt(self.worker, self._spool, self.actor, known=self._jobs):
                self._jobs[one.id] = one
        self._next_reap = time.monotonic() + settings.MULTIFLEXI_HEARTBEAT_SECONDS

    def _finish(self) -> None:
        jobs = list(self._jobs.values())
        for one in adopting.never_started(jobs):
            if giving_back.undo_start(one.job, self.actor):
                self._drop(one)
            else:
                self._leave_alone([one])
        self._leave_alone(finishing.stage(jobs, self.actor))
        ended, gone = finishing.finish(list(self._jobs.values()), self.actor)
        self._leave_alone(gone)
        for one in ended:
            shutil.rmtree(one.job_dir, ignore_errors=True)
            self._drop(one)
        self.finished.extend(one.id for one in ended)
        if ended:
            self._next_claim = 0.0

    def _drop(self, one: Running) -> None:
        """Forget a job; its spool directory goes last, because by it the next process knows what to sweep."""
        self._jobs.pop(one.id, None)
        one.module.cleanup(one.handle)
        self._spool.remove(one.spool)

    def _leave_alone(self, jobs: Iterable[Running]) -> None:
        for one in jobs:
            self._jobs.pop(one.id, None)
            log.warning("a job is not ours any more and is left alone", extra={"job": one.id})

    def _flush(self) -> None:
        now = time.monotonic()
        if self._jobs and now >= self._next_flush:
            watching.flush_lines(list(self._jobs.values()))
            self._next_flush = now + FLUSH_SECONDS

    def _fill(self) -> None:
        free = (self.places or UNLIMITED) - sum(one.takes_place for one in self._jobs.values())
        if free <= 0 or time.monotonic() < self._next_claim:
            return
        obstacle = self._obstacle()
        if obstacle != self._known_obstacle:
            log.warning("no jobs are claimed: %s", obstacle) if obstacle else log.info("jobs are claimed again")
            self._known_obstacle, self._next_beat = obstacle, 0.0
        if obstacle:
            self._next_claim = time.monotonic() + settings.MULTIFLEXI_CYCLE_PAUSE
            return
        self._claimed = claiming.claim(
            self.worker, places=free, modules=self._modules, actor=self.actor, only=self._only
        )
        if not self._claimed:
            self._next_claim = time.monotonic() + settings.MULTIFLEXI_POLL
            return
        self._start_claimed()

    def _start_claimed(self) -> None:
        """Prepare and start what was claimed."""
        try:
            ready, refused = preflight.prepare(self._claimed, self._spool)
        except preflight.HostUnfit as error:
            log.error("no job can be prepared on this host", extra={"error": str(error)})
            self._release_claimed()
            self._next_claim = time.monotonic() + settings.MULTIFLEXI_CYCLE_PAUSE
            return
        for one in refused:
            self._end_unstarted(one)
        for running in starting.start(ready, self._spool, self.actor):
            self._jobs[running.id] = running
            if isinstance(running.result, NeverStarted):
                # The host is short of something that a pause may bring back.
                self._next_claim = time.monotonic() + settings.MULTIFLEXI_CYCLE_PAUSE
            for warning in running.warnings:
                log.warning("%s", running.masker.mask_text(warning)[0], extra={"job": running.id})
        self._claimed = []

    def _end_unstarted(self, end: Completion) -> None:
        try:
            complete([end], actor=self.actor)
        except StaleJobs:
            log.info("a claimed job has changed meanwhile", extra={"job": end.job.pk})
        self.finished.append(end.job.pk)

    def _release_claimed(self) -> None:
        for job in self._claimed:
            giving_back.give_back(job, self._spool, self.actor)
        self._claimed = []

    def _obstacle(self) -> str | None:
        """Why this instance may not take jobs now."""
        if not self.claims:
            return "draining"
        if not self._spool.intact():
            return "spool"
        try:
            keyring.current(CREDENTIALS)
        except VaultError as error:
            return f"master key: {error}"[:64]
        return "disk" if _short_of_space(self._spool.path, Path(settings.MULTIFLEXI_TMP)) else None

    def _pause(self) -> float:
        """Until something of our own is due, or the queue is to be looked at again."""
        if any(one.stopping or one.result is not None for one in self._jobs.values()):
            return 0.05
        wanted = [settings.MULTIFLEXI_CYCLE_PAUSE, self._next_beat - time.monotonic()]
        if self._jobs:
            wanted += [WATCH_SECONDS, self._next_flush - time.monotonic()]
        if self.claims:
            wanted.append(settings.MULTIFLEXI_POLL)
        return max(0.0, min(wanted))


def _short_of_space(*paths: Path) -> bool:
    needed = settings.MULTIFLEXI_MIN_FREE_MB * MIB
    return any(shutil.disk_usage(path).free < needed for path in paths if path.exists())
