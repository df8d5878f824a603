"""Directories of ended jobs are removed beside the cycle: it takes hardly any processor time, but a busy disk waits."""

from __future__ import annotations

import logging
from concurrent.futures import Future as Pending
from concurrent.futures import ThreadPoolExecutor, wait

from multiflexi.faults import Point, reach
from multiflexi.jobs import directories
from multiflexi.jobs.spool import Spool
from multiflexi.runner.running import Running

log = logging.getLogger(__name__)


class Remover:
    """Removes in one thread, in order; what a crash leaves undone is swept by the next process."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="removal")
        self._pending: dict[int, Pending[None]] = {}

    def remove(self, one: Running, *, failed: bool) -> None:
        """Remove both directories of an ended job soon."""
        self._pending[one.id] = self._pool.submit(self._remove, one, failed)

    def ids(self) -> list[int]:
        """The jobs whose directories may still be there."""
        self._pending = {job_id: pending for job_id, pending in self._pending.items() if not pending.done()}
        return list(self._pending)

    def finish(self) -> None:
        """Wait until everything is removed."""
        wait(self._pending.values())

    def _remove(self, one: Running, failed: bool) -> None:
        try:
            directories.let_go(one.job_dir, failed=failed)
            reach(Point.CLEANED_HALF)
            # The spool directory goes last, because by it the next process knows what to sweep.
            self._spool.remove(one.spool)
        except Exception:
            log.exception("the directories of an ended job could not be removed", extra={"job": one.id})
