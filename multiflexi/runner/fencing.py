"""A cut-off owner: when nobody can be told that the jobs live, those that may be repeated elsewhere are ended in time.

Others declare a job lost when its lease has been over for the fence time. Shortly before, what is retryable is killed,
so that its retry never overlaps with it; other jobs run on. All that is needed lies in the spool directory, and time is
the boot clock: neither the database nor a step of the host's clock nor a restart of this process changes the result.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings

from multiflexi.executors import registry
from multiflexi.executors.contract import Alive, Executor, Handle
from multiflexi.executors.native import process
from multiflexi.jobs import renewal
from multiflexi.jobs.renewal import Renewal
from multiflexi.jobs.spool import Spool, SpoolDir
from multiflexi.models import FailureReason
from multiflexi.runner.watching import PLATFORM, TERMINATED

log = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0
WHY = "the executor was cut off from the database, and the job may be repeated elsewhere"
_LONGEST_MARGIN = 30.0
_LOOK_AGAIN = 0.1


def boot_clock() -> float:
    """Seconds since the kernel was booted, suspends included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """Knows until when the leases of an instance hold, and ends its retryable jobs before others may repeat them.

    `renewed` is for the thread of the cycle, `check` for that of the guard.
    """

    def __init__(self, spool: Spool, clock: Callable[[], float] = boot_clock) -> None:
        self._spool = spool
        self._clock = clock
        self._known = renewal.read(spool.renewed)
        self._expected = self._awake_since = clock()
        self._asked: set[Path] = set()

    def now(self) -> float:
        """The instant to be given to `renewed`; taken before the leases are renewed."""
        return self._clock()

    def renewed(self, asked: float, lease: float) -> None:
        """The leases hold for so many seconds from an instant before they were asked for."""
        self._note(Renewal(process.boot_id(), asked, lease))

    def shortened(self, asked: float, lease: float) -> None:
        """The leases, granted for longer than that, are about to be renewed for so many seconds only."""
        if self._known is not None and self._known.ends > asked + lease:
            self._note(Renewal(process.boot_id(), asked, lease))

    def _note(self, known: Renewal) -> None:
        self._known = known
        try:
            renewal.note(self._spool.renewed, known)
        except OSError as error:
            log.warning("a renewal of the leases could not be noted", extra={"error": error.strerror})

    def has_asked(self, one: SpoolDir) -> bool:
        """Whether this job was asked to end: the guard carries on with it only as long as the database is away."""
        return one.path in self._asked

    def check(self) -> float:
        """End the retryable jobs if it is time to; seconds until the next check is wanted."""
        now = self._clock()
        if now > self._expected + 2 * LONGEST_PAUSE:
            # This process was stopped or its host suspended; the database may be there to renew the leases.
            self._awake_since = now
        left = self._kill_at() - now
        pause = self._end_jobs() if left <= 0 else min(left, LONGEST_PAUSE)
        self._expected = self._clock() + pause
        return pause

    def _kill_at(self) -> float:
        """When to begin; a process that has just begun, or gone on, gets the time to reach the database first."""
        known = self._known
        if known is None or known.boot_id != process.boot_id():
            return float("inf")
        at_last = known.ends + fence() - grace()
        awake = self._awake_since + _margin()
        return max(at_last - _margin(), min(awake, at_last) if self._awake_since < at_last else awake)

    def _end_jobs(self) -> float:
        """Ask every living retryable job to end, or carry on with that; seconds until the next look."""
        left = [one for one in self._spool.existing() if _is_retryable(one) and one.read_exit() is None]
        # A list, because every job has to be asked.
        under_way = [not self._end(one) for one in left]
        return _LOOK_AGAIN if any(under_way) else LONGEST_PAUSE

    def _end(self, one: SpoolDir) -> bool:
        """Take the next step to the end of a job; True when nothing of it is left."""
        module = _module(str(one.read_spec().get("executor")))
        found = module.recover(_handle(one))
        if not isinstance(found, Alive):
            self._asked.discard(one.path)
            module.cleanup(_handle(one))
            return True
        if one.path in self._asked:
            return module.stop_progress(found.handle).done
        self._asked.add(one.path)
        log.error("a job is ended because the database cannot be reached", extra={"job": one.job_id})
        detail = FailureReason.CUT_OFF
        return module.stop(found.handle, reason=TERMINATED, detail=detail, who=PLATFORM, why=WHY, grace=grace()).done


class Guard(threading.Thread):
    """Checks the fence beside the cycle, which may hang in a call to a server that is not there any more."""

    def __init__(self, fence_: Fence) -> None:
        super().__init__(name="fence", daemon=True)
        self._fence = fence_
        self._over = threading.Event()

    def run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            try:
                pause = self._fence.check()
            except Exception:
                log.exception("the fence could not be checked")
                pause = LONGEST_PAUSE

    def stop(self) -> None:
        """Check no more."""
        self._over.set()


def fence() -> float:
    """Seconds from the end of a lease to the loss of its job."""
    return float(settings.MULTIFLEXI_FENCE_SECONDS)


def grace() -> float:
    """Seconds that a job gets that is ended for the fence."""
    return min(float(settings.MULTIFLEXI_KILL_GRACE), fence() / 2)


def _margin() -> float:
    return min(_LONGEST_MARGIN, fence() / 4)


def _is_retryable(one: SpoolDir) -> bool:
    return one.read_spec().get("retryable") is True


@cache
def _module(name: str) -> Executor:
    """An instance for the thread of the guard: each belongs to one thread."""
    return registry.make(name)


def _handle(one: SpoolDir) -> Handle:
    """The handle of a start as it was before its process was known, made from the spool directory alone."""
    spec = one.read_spec()
    return {
        "executor": spec.get("executor"),
        "name": spec.get("name"),
        "job_id": one.job_id,
        "claim": one.claim,
        "spool": str(one.path),
        "job_dir": spec.get("job_dir"),
        "boot_id": process.boot_id(),
        "pid": None,
        "pid_started": None,
    }
