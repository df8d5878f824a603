"""Whether cycles succeed, and the one log line when that changes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from daemons.common.backoff import PERMANENT_SECONDS, REACHABLE_SECONDS, Backoff
from daemons.common.notify import ServiceManager
from daemons.common.trouble import Trouble, trouble_of

log = logging.getLogger(__name__)


class Health:
    """Counts failed cycles, chooses the pause after each and tells people when the state changes."""

    def __init__(self, manager: ServiceManager, backoff: Backoff, clock: Callable[[], float]) -> None:
        self._manager = manager
        self._backoff = backoff
        self._clock = clock
        self._since: float | None = None
        self._told = ""

    @property
    def ailing(self) -> bool:
        """Whether the last cycle failed."""
        return self._since is not None

    def failed(self, error: Exception, *, reached: bool = False) -> float:
        """Note a failed cycle; seconds until the next try.

        `reached` tells that a new connection to the database was made meanwhile: who sheds connections or commits is
        not spared by waiting, as one who is starting again is.
        """
        trouble = trouble_of(error)
        if self._since is None:
            self._since = self._clock()
            if trouble.kind == "database":
                # A connection that died while idle, or two writers in each other's way: one more try tells.
                log.debug("%s; trying once more at once", trouble.text)
                return 0.0
        self._tell(trouble, error)
        if trouble.permanent:
            return PERMANENT_SECONDS
        return self._backoff.next(REACHABLE_SECONDS if reached and trouble.kind == "database" else math.inf)

    def succeeded(self) -> None:
        """Note a cycle without failure."""
        if self._told and self._since is not None:
            log.info("cycles succeed again after %.0f s", self._clock() - self._since)
            self._manager.status("running")
        self._since = None
        self._told = ""
        self._backoff.reset()

    def _tell(self, trouble: Trouble, error: Exception) -> None:
        is_bug = trouble.kind == "bug"
        state = trouble.text if is_bug else trouble.kind
        if state != self._told:
            self._told = state
            self._manager.status(f"waiting: {trouble.text}")
            log.error("%s", trouble.text, exc_info=error if is_bug else None)
