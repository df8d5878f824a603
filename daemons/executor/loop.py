"""The runner's cycle as a daemon: start, stop modes, reload."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence

from django.conf import settings

from daemons.common.hints import Hints
from daemons.common.stop import StopMode
from multiflexi.jobs.queue.hints import Topic
from multiflexi.jobs.spool import Spool
from multiflexi.models import WorkerRole
from multiflexi.runner.cycle import Cycle
from multiflexi.runner.fencing import Guard

log = logging.getLogger(__name__)

DETACH_SECONDS = 1.0
ENDED_BY = {StopMode.KILL: "the executor was stopped", StopMode.HOST: "the host goes down"}


class ExecutorLoop:
    """Drives one executor instance; running jobs survive every end but mode `kill`."""

    role = "executor"

    def __init__(self, name: str, spool: Spool) -> None:
        self._cycle = Cycle(
            WorkerRole.EXECUTOR,
            name,
            spool,
            places=settings.MULTIFLEXI_MAX_PARALLEL,
            modules=settings.MULTIFLEXI_EXECUTORS,
        )
        self._hints = Hints(Topic.QUEUE, Topic.WORKERS)
        # It must work when the first cycle already cannot reach the database.
        self._guard = Guard(self._cycle.fence)
        self._mode: StopMode | None = None
        self._killing = False

    def start(self) -> None:
        if not self._guard.is_alive():
            self._guard.start()
        self._cycle.start()

    def run_once(self) -> float | None:
        heard = self._hints.taken()
        if Topic.QUEUE in heard:
            self._cycle.lookout.look_now()
        if Topic.WORKERS in heard:
            self._cycle.beat_now()
        self._cycle.lookout.hinted = self._hints.trusted
        pause = self._cycle.run_once() if self._mode is None else self._run_down(self._mode)
        self._cycle.finished.clear()
        self._hints.open()
        return None if pause is None else self._hints.bounded(pause)

    def tend(self) -> None:
        self._cycle.look()

    def _run_down(self, mode: StopMode) -> float | None:
        """One cycle towards the end: nothing is claimed, and the running jobs are left, awaited or ended."""
        if self._cycle.claims:
            self._cycle.stop_claiming()
        if mode is StopMode.DETACH:
            self._cycle.detach()
            return None
        if mode.ends_jobs and not self._killing:
            self._killing = True
            self._cycle.kill_all(why=ENDED_BY[mode])
        pause = self._cycle.run_once()
        if self._cycle.busy:
            return pause
        self._cycle.detach()
        return None

    def stop(self, mode: StopMode) -> float:
        self._mode = mode
        if mode is StopMode.DETACH:
            return DETACH_SECONDS
        if mode is StopMode.DRAIN:
            return float(settings.MULTIFLEXI_SHUTDOWN_GRACE) or math.inf
        return float(settings.MULTIFLEXI_KILL_GRACE) + 5.0

    def close(self) -> None:
        """What is left when the time to stop is over goes on under its wrappers."""
        self._hints.close()
        self._guard.stop()
        if self._cycle.busy:
            self._cycle.detach()

    def reload(self, changed: Sequence[str]) -> None:
        """All settings but the number of places are read where they are used."""
        self._cycle.places = settings.MULTIFLEXI_MAX_PARALLEL

    def dump(self) -> None:
        for line in self._cycle.describe():
            log.info("%s", line)

    def watched(self) -> Iterable[int]:
        return [*self._cycle.watched(), *self._hints.watched()]
