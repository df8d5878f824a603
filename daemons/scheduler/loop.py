"""One pass of the scheduler after another."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from django.conf import settings

from daemons.common.hints import Hints
from daemons.common.stop import StopMode
from multiflexi.executors.native import process
from multiflexi.jobs import enqueue, healing, tasks, workers
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import Worker, WorkerRole
from multiflexi.record import seals
from multiflexi.record.actor import Actor
from multiflexi.vault.errors import VaultError

log = logging.getLogger(__name__)
SEAL_SECONDS, UNSEALED_SECONDS = 5.0, 60.0


class SchedulerLoop:
    """Enqueues what is due, closes tasks of elapsed windows; now and then heals cadences and seals the audit trail."""

    role = "scheduler"

    def __init__(self, name: str) -> None:
        self._name = name
        self._worker: Worker | None = None
        self._actor: Actor | None = None
        self._hints = Hints(Topic.SCHEDULES)
        self._stopping = False
        self._next_beat = self._next_heal = self._next_seal = 0.0

    def start(self) -> None:
        boot_id, pid_started = process.own_identity()
        self._worker = workers.register(WorkerRole.SCHEDULER, self._name, boot_id=boot_id, pid_started=pid_started)
        self._actor = workers.actor_of(self._worker)
        self._heal()

    def run_once(self) -> float | None:
        """One pass; seconds until the next slot, at most the cycle pause."""
        if self._stopping:
            return None
        assert self._worker is not None  # noqa: S101 - start() came before
        assert self._actor is not None  # noqa: S101
        self._hints.taken()
        begun = time.monotonic()
        if begun >= self._next_heal:
            self._heal()
        result = enqueue.run_pass(self._actor)
        tasks.close_elapsed(backend().now())
        if begun >= self._next_seal:
            # A rest is left for the next pass, so that a long tail delays no slot.
            self._next_seal = begun + self._seal()
        if result.due:
            log.info("%d run templates were due, %d jobs made", result.due, result.jobs)
        if begun >= self._next_beat:
            spent = int((time.monotonic() - begun) * 1000)
            workers.heartbeat(self._worker, last_cycle_at=backend().now(), cycle_ms=spent)
            self._next_beat = begun + settings.MULTIFLEXI_HEARTBEAT_SECONDS
        self._hints.open()
        return 0.0 if result.more else self._hints.bounded(self._pause())

    def tend(self) -> None:
        """All its work needs the database."""

    def stop(self, mode: StopMode) -> float:
        self._stopping = True
        return 0.0

    def close(self) -> None:
        self._hints.close()
        if self._worker is not None:
            workers.farewell(self._worker)

    def reload(self, changed: Sequence[str]) -> None:
        """All settings are read where they are used."""

    def dump(self) -> None:
        log.info("next slot due at %s", enqueue.next_due(backend().now()))

    def watched(self) -> Iterable[int]:
        return self._hints.watched()

    def _heal(self) -> None:
        healed = healing.heal(backend().now())
        if healed:
            log.info("%d run templates were healed", healed)
        self._next_heal = time.monotonic() + settings.INITIALIZE_SCHEDULING_INTERVAL

    def _seal(self) -> float:
        """Seconds until the next time. Without the key the trail waits, which keeps no slot back."""
        try:
            return SEAL_SECONDS if seals.seal(seals.BATCH) < seals.BATCH else 0.0
        except VaultError as error:
            log.error("the audit trail cannot be sealed: %s", error)
            return UNSEALED_SECONDS

    def _pause(self) -> float:
        longest = float(settings.MULTIFLEXI_SCHEDULER_CYCLE_PAUSE)
        now = backend().now()
        due = enqueue.next_due(now)
        return min((due - now).total_seconds(), longest) if due else longest
