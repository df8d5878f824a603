"""The cycle of one executor instance; every step may be repeated after an error."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from multiflexi.executors import registry
from multiflexi.executors.contract import NeverStarted
from multiflexi.executors.native import process
from multiflexi.jobs import claiming, workers
from multiflexi.jobs.completion import Completion
from multiflexi.jobs.queue import backend
from multiflexi.jobs.spool import Spool
from multiflexi.models import FailureReason, QueueEntry, Worker, WorkerRole, WorkerState
from multiflexi.record.actor import Actor
from multiflexi.runner import (
    adopting,
    fencing,
    finishing,
    giving_back,
    preflight,
    reaping,
    starting,
    sweeping,
    watching,
)
from multiflexi.runner.lookout import Lookout
from multiflexi.runner.preflight import Prepared
from multiflexi.runner.removing import Remover
from multiflexi.runner.running import Running, Stage
from multiflexi.runner.supply import KEEP_SECONDS, Supply
from multiflexi.vault import keyring
from multiflexi.vault.errors import MasterKeyMissing, MasterKeyWrong, VaultError
from multiflexi.vault.names import CREDENTIALS

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
STOP_SECONDS = 0.05
LOOK_SECONDS = 0.05
GATHER_SECONDS = 0.05
GATHER_AT_MOST = 100
# Places that became free within this time are expected to become free as fast again.
BRISK_SECONDS = 0.2
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
        at_most: int | None = None,
    ) -> None:
        self._role, self._name, self._spool = role, name, spool
        self.places = places
        self.fence = fencing.Fence(spool)
        self._modules = tuple(modules or registry.names())
        self._supply = Supply(spool, self._modules, room=places or UNLIMITED, only=only, at_most=at_most)
        self.lookout = Lookout(self._modules, only=only)
        self._remover = Remover(spool)
        self._jobs: dict[int, Running] = {}
        self._ends: deque[float] = deque(maxlen=places or UNLIMITED)
        self._worker: Worker | None = None
        self._actor: Actor | None = None
        self._next_beat = self._next_flush = self._next_look = 0.0
        self._next_reap, self._ahead = math.inf, 0.0
        self._in_doubt = False
        self._known_obstacle: str | None = None
        self._drained = False
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
        return bool(self._jobs or self._supply)

    @property
    def obstacle(self) -> str | None:
        """Why no jobs are claimed, as found when it was last about to claim some."""
        return self._known_obstacle

    @property
    def _owned(self) -> list[int]:
        """Ids of the jobs that this process looks after."""
        return [*self._jobs, *self._supply.ids()]

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
        asked, lease = self.fence.now(), settings.MULTIFLEXI_LEASE_SECONDS
        self.fence.shortened(asked, lease)
        self._jobs = {one.id: one for one in adopting.adopt(self._worker, self._spool, self._actor)}
        self.fence.renewed(asked, lease)
        sweeping.sweep(self._spool, self._jobs, self.actor)
        self._clock_has_stepped()
        self._next_reap = time.monotonic() + settings.MULTIFLEXI_LEASE_SECONDS

    def run_once(self) -> float:
        """One cycle; seconds until the next one is wanted."""
        # Before everything that needs the database, which may be away.
        self.look()
        self._settle_doubts()
        self._in_doubt = True
        self._beat()
        if self.claims:
            self._fill()
        if self._gathered():
            self._finish()
            if self.claims:
                self._fill()
        self._flush()
        self._reap()
        self._in_doubt = False
        return self._pause()

    def look(self) -> None:
        """Keep limits, go on with stops and notice ends; needs no database."""
        self._ends.extend(watching.look(self._jobs.values()))

    def beat_now(self) -> None:
        """Give the next sign of life at once, and see on that occasion what an administrator wants."""
        self._next_beat = 0.0

    def watched(self) -> Iterable[int]:
        """Descriptors that become readable when a job ends."""
        for one in self._jobs.values():
            if one.stage is Stage.RUNNING and one.result is None and not one.stopping:
                descriptor = one.module.watch_fd(one.handle)
                if descriptor is not None:
                    yield descriptor
        yield from self._supply.gate.watched()

    def stop_claiming(self) -> None:
        """Take no further jobs, and give back those that were not started."""
        self.claims = False
        self._settle_doubts()
        self._supply.release(self.actor)

    def kill_all(self, *, why: str) -> None:
        """Begin to end every running job on behalf of the platform; none is granted more than the executor's grace."""
        alive = [one for one in self._jobs.values() if one.takes_place]
        watching.stop_all(alive, FailureReason.SHUTDOWN, why=why, grace=float(settings.MULTIFLEXI_KILL_GRACE))

    def detach(self) -> None:
        """Leave the running jobs to the next process of this name: their leases hold for the detach time."""
        self._settle_doubts()
        self._supply.release(self.actor)
        # What has ended is not left to a next process, which may never come.
        self._finish()
        watching.flush_lines(list(self._jobs.values()))
        if self._jobs:
            asked, lease = self.fence.now(), settings.MULTIFLEXI_DETACH_SECONDS
            rows = QueueEntry.objects.filter(worker=self.worker, job_id__in=self._jobs)
            rows.update(lease_until=backend().now() + timedelta(seconds=lease))
            self.fence.renewed(asked, lease)
        workers.farewell(self.worker, WorkerState.DETACHED if self._jobs else WorkerState.STOPPED)
        self._remover.finish()

    def wait_for_removal(self) -> None:
        """Wait until the directories of all ended jobs are removed."""
        self._remover.finish()

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
        self._supply.forget()
        for one in adopting.adopt(self.worker, self._spool, self.actor, known=self._jobs):
            self._jobs[one.id] = one
        watching.read_on(self._jobs.values())
        self._in_doubt = False

    def _beat(self) -> None:
        now = time.monotonic()
        if self._jobs and now >= self._next_look:
            watching.obey_stop_requests(self._jobs, self.worker)
            self._next_look = now + LOOK_SECONDS
        if now < self._next_beat:
            return
        self._obey_administrator()
        used = sum(one.takes_place for one in self._jobs.values())
        asked = self.fence.now()
        workers.heartbeat(
            self.worker,
            places=self.places,
            places_used=used,
            state=WorkerState.RUNNING if self.claims and not self._drained else WorkerState.DRAINING,
            not_claiming_reason=self._obstacle(),
            last_cycle_at=backend().now(),
        )
        claiming.renew_leases(self.worker, self._owned)
        self.fence.renewed(asked, settings.MULTIFLEXI_LEASE_SECONDS)
        self._carry_on_with_fence()
        self._next_beat = now + settings.MULTIFLEXI_HEARTBEAT_SECONDS

    def _carry_on_with_fence(self) -> None:
        """The database is back, so the guard rests; a job that it has asked to end must not be left half ended."""
        half = [
            one
            for one in self._jobs.values()
            if one.takes_place and not one.stopping and self.fence.has_asked(one.spool)
        ]
        watching.stop_all(half, FailureReason.CUT_OFF, why=fencing.WHY, grace=fencing.grace())

    def _obey_administrator(self) -> None:
        """Take no more jobs, or take some again, as the worker's row says."""
        before, self._drained = self._drained, workers.is_to_drain(self.worker)
        if self._drained != before:
            log.info("an administrator wants jobs %s", "no more" if self._drained else "again")
            self._supply.release(self.actor)
            self.lookout.look_now()

    def _reap(self) -> None:
        """Decide about jobs whose owner has disappeared; a one-shot run looks after its own job only."""
        if self._role != WorkerRole.EXECUTOR or time.monotonic() < self._next_reap:
            return
        if self._clock_has_stepped():
            # By the new time every lease may be over, though its owner has had no moment to renew it.
            self._next_reap = time.monotonic() + settings.MULTIFLEXI_LEASE_SECONDS
            return
        reaping.reap(self.actor, watched=self._owned)
        if reaping.take_over_one_shots(self.worker):
            known = {*self._jobs, *self._supply.ids()}
            for one in adopting.adopt(self.worker, self._spool, self.actor, known=known):
                self._jobs[one.id] = one
        sweeping.sweep(self._spool, {*self._owned, *self._remover.ids()}, self.actor)
        self._next_reap = time.monotonic() + settings.MULTIFLEXI_HEARTBEAT_SECONDS

    def _clock_has_stepped(self) -> bool:
        """Whether the database's clock has gone another way than time since the last look."""
        ahead = backend().now().timestamp() - self.fence.now()
        before, self._ahead = self._ahead, ahead
        return abs(ahead - before) > settings.MULTIFLEXI_LEASE_SECONDS / 2

    def _gathered(self) -> bool:
        """Whether jobs have ended that are to be finished now: many of them, or waited for long enough.

        One transaction for all that end within some milliseconds is what makes short jobs cheap; when nothing else
        runs there is nothing to wait for.
        """
        ended = [one.noticed for one in self._jobs.values() if not one.takes_place and not one.is_resting]
        if not ended:
            return False
        waited = time.monotonic() - min(ended) >= GATHER_SECONDS
        return waited or len(ended) >= GATHER_AT_MOST or len(ended) == len(self._jobs)

    def _finish(self) -> None:
        jobs = list(self._jobs.values())
        for one in adopting.never_started(jobs):
            if one.handle.get("pid") is not None:
                # It was spawned here and found no room for its start mark; the next one would not either.
                log.warning("a start failed and is undone", extra={"job": one.id})
                self.lookout.rest()
            if giving_back.undo_start(one.job, self.actor):
                self._forget(one)
                self._spool.remove(one.spool)
            else:
                self._leave_alone([one])
        ended, gone = finishing.finish(list(self._jobs.values()), self.actor)
        self._leave_alone(gone)
        for one in ended:
            self._forget(one)
            self._remover.remove(one, failed=not finishing.succeeded(one))
        self.finished.extend(one.id for one in ended)
        if ended:
            self.lookout.look_now()

    def _forget(self, one: Running) -> None:
        self._jobs.pop(one.id, None)
        one.module.cleanup(one.handle)

    def _leave_alone(self, jobs: Iterable[Running]) -> None:
        for one in jobs:
            self._forget(one)
            log.warning("a job is not ours any more and is left alone", extra={"job": one.id})

    def _flush(self) -> None:
        now = time.monotonic()
        if self._jobs and now >= self._next_flush:
            watching.flush_lines(list(self._jobs.values()))
            self._next_flush = now + FLUSH_SECONDS

    @property
    def _free_places(self) -> int:
        return (self.places or UNLIMITED) - sum(one.takes_place for one in self._jobs.values())

    def _fill(self) -> None:
        """Fill the free places, and claim somewhat ahead while jobs end so fast that places would stay empty."""
        free = self._free_places
        if self._supply.is_stale:
            self._supply.release_ready(self.actor)
        self._supplied(lambda: self._supply.go_on(self.actor))
        if free > len(self._supply) and self.lookout.seconds <= 0 and self._may_claim() and self.lookout.finds_work():
            now = time.monotonic()
            ahead = sum(now - ended < BRISK_SECONDS for ended in self._ends)
            self._claim(free + ahead - len(self._supply))
        if free > 0:
            self._start(self._supply.take(free))

    def _may_claim(self) -> bool:
        obstacle = self._obstacle()
        if obstacle != self._known_obstacle:
            log.warning("no jobs are claimed: %s", obstacle) if obstacle else log.info("jobs are claimed again")
            self._known_obstacle, self._next_beat = obstacle, 0.0
        if obstacle:
            self.lookout.rest()
        return obstacle is None

    def _claim(self, number: int) -> None:
        def claim() -> list[Completion]:
            claimed, ends = self._supply.claim(self.worker, self.actor, number)
            self.lookout.claimed(claimed, number)
            return ends

        self._supplied(claim)

    def _supplied(self, step: Callable[[], list[Completion]]) -> None:
        """Prepare jobs in a step, and end those that cannot be started."""
        try:
            ends = step()
        except preflight.HostUnfit as error:
            log.error("no job can be prepared on this host", extra={"error": str(error)})
            self._supply.release(self.actor)
            self.lookout.rest()
            return
        giving_back.end_all_unstarted(ends, self.actor)
        self.finished.extend(one.job.pk for one in ends)

    def _start(self, ready: Sequence[Prepared]) -> None:
        for running in starting.start(ready, self._spool, self.actor):
            self._jobs[running.id] = running
            if isinstance(running.result, NeverStarted):
                # The host is short of something that a pause may bring back.
                self.lookout.rest()
            for warning in running.warnings:
                log.warning("%s", running.masker.mask_text(warning)[0], extra={"job": running.id})

    def _obstacle(self) -> str | None:
        """Why this instance may not take jobs now."""
        if not self.claims or self._drained:
            return "draining"
        if not self._spool.intact():
            return "spool"
        try:
            keyring.current(CREDENTIALS)
        except VaultError as error:
            return _locked_out(error)
        return _shortage(self._spool.path, Path(settings.MULTIFLEXI_TMP))

    def _pause(self) -> float:
        """Until something of our own is due, or the queue is to be looked at again."""
        if any(one.stopping for one in self._jobs.values()):
            return STOP_SECONDS
        wanted = [settings.MULTIFLEXI_CYCLE_PAUSE, self._next_beat - time.monotonic()]
        wanted += [max(GATHER_SECONDS, one.rest_seconds) for one in self._jobs.values() if not one.takes_place]
        if self._supply:
            wanted.append(KEEP_SECONDS)
        if self._jobs:
            # Nobody but the poll tells of a request to stop where there are no hints.
            wanted += [
                WATCH_SECONDS if self.lookout.hinted else settings.MULTIFLEXI_POLL,
                self._next_flush - time.monotonic(),
            ]
        if self.claims and self._free_places > 0:
            wanted.append(self.lookout.seconds)
        return max(0.0, min(wanted))


def _locked_out(error: VaultError) -> str:
    """Why no secret can be opened, in words that fit the column of the instance; encryption:status tells more."""
    if isinstance(error, MasterKeyMissing):
        return "master key: ENCRYPTION_MASTER_KEY is missing"
    if isinstance(error, MasterKeyWrong):
        return "master key: ENCRYPTION_MASTER_KEY does not fit the data keys"
    return "master key: no data keys, see encryption:status"


def _shortage(*paths: Path) -> str | None:
    """Why there is too little space for further jobs; the text fits the column of the instance."""
    needed = settings.MULTIFLEXI_MIN_FREE_MB
    for path in paths:
        if path.exists() and shutil.disk_usage(path).free < needed * MIB:
            return f"disk: less than {needed} MiB free in {path}"[:64]
    return None
