"""``python -m bench.floor``: run jobs of the installation in the environment until asked to stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

from bench.floor.children import Children, Directories, Exit, spawn_wrapped
from bench.floor.rows import Rows, Run, Template, environment
from multiflexi.jobs.spool import SpoolDir

NAME = "floor"
PLACES = int(os.environ["MULTIFLEXI_MAX_PARALLEL"])
FINISH_SECONDS, FINISH_JOBS = 0.05, 100
POLL_SECONDS = 0.25


class Floor:
    """Refills free places at once, and ends what has ended in batches."""

    def __init__(self) -> None:
        self._rows = Rows(NAME)
        self._spool = Path(os.environ["MULTIFLEXI_SPOOL"]) / NAME
        self._spool.mkdir(mode=0o700, exist_ok=True)
        self._work = Path(os.environ["MULTIFLEXI_TMP"])
        self._children = Children()
        self._waiting: list[Run] = []
        self._running: dict[int, Run] = {}
        self._ended: list[Run] = []
        self._next_claim = self._finish_at = 0.0
        self.stopping = False

    def run(self) -> None:
        while not self.stopping or self._running or self._ended:
            for end in self._children.ended(self._pause()):
                self._collect(end)
            self._refill()
            if self._ended and (len(self._ended) >= FINISH_JOBS or time.monotonic() >= self._finish_at):
                self._finish()

    def _pause(self) -> float:
        """Until a child ends, the batch of ends is due, or the queue is to be looked at again."""
        wanted = [self._next_claim - time.monotonic() if len(self._children) < PLACES else POLL_SECONDS]
        if self._ended:
            wanted.append(self._finish_at - time.monotonic())
        return max(0.0, min(wanted))

    def _collect(self, end: Exit) -> None:
        run = self._running.pop(end.pid)
        spool = run.where.spool
        told = SpoolDir(spool).read_exit()
        if told is None:
            raise RuntimeError(f"{spool} tells no exit status")
        run.exit = Exit(end.pid, told.code, end.cpu_seconds, end.peak_kb)
        run.out, run.err = (spool / "stdout").read_bytes(), (spool / "stderr").read_bytes()
        if not self._ended:
            self._finish_at = time.monotonic() + FINISH_SECONDS
        self._ended.append(run)

    def _refill(self) -> None:
        free = PLACES - len(self._children)
        # A handful is claimed ahead, so that a place that falls free waits for one commit and not for two.
        if not self._waiting and free and not self.stopping and time.monotonic() >= self._next_claim:
            self._waiting = [self._prepared(*claimed) for claimed in self._rows.claim(free + PLACES)]
            if not self._waiting:
                self._next_claim = time.monotonic() + POLL_SECONDS
        batch, self._waiting = self._waiting[:free], self._waiting[free:]
        if batch:
            self._rows.start(batch)
            for run in batch:
                pid = spawn_wrapped(f"mf-job-{run.id}-{run.claim}", run.words, run.env, run.where)
                self._running[pid] = run
                self._children.add(pid)

    def _prepared(self, job_id: int, claim: int, template: Template, due: datetime) -> Run:
        name = f"job-{job_id}-{claim}"
        where = Directories(self._spool / name, self._work / name)
        where.make()
        env = environment(job_id, template, str(where.work))
        return Run(job_id, claim, template, due, where, [template.executable, str(job_id)], env)

    def _finish(self) -> None:
        self._rows.finish(self._ended)
        for run in self._ended:
            run.where.remove()
        self._ended = []


def main() -> int:
    floor = Floor()
    signal.signal(signal.SIGTERM, lambda *_: setattr(floor, "stopping", True))
    floor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
