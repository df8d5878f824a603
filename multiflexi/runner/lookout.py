"""When an executor looks at the queue again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection

from django.conf import settings

from multiflexi.jobs.queue.outlook import outlook


class Lookout:
    """Looks when the next row comes due, at once when told to, and otherwise after the pause of the poll.

    `hinted` says that other processes tell when the queue changes; then only a due row that could not be taken, or the
    longest pause, brings a look by itself. `only` is the id of the one job wanted.
    """

    def __init__(
        self, modules: Collection[str], *, only: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._modules = modules
        self._only = only
        self._clock = clock
        self._at = -math.inf
        # A claim that filled all places may have left more behind, so the next one needs no look before it.
        self._plenty = True
        self.hinted = False

    @property
    def seconds(self) -> float:
        """Until the next look."""
        return max(0.0, self._at - self._clock())

    def look_now(self) -> None:
        """Something has changed."""
        self._at = -math.inf

    def rest(self) -> None:
        """Look no more for the longest pause: what keeps this host from taking jobs will not pass at once."""
        self._at = self._clock() + settings.MULTIFLEXI_CYCLE_PAUSE

    def finds_work(self) -> bool:
        """Whether there may be something to claim now."""
        if self._plenty:
            return True
        begun = self._clock()
        found = outlook(self._modules, only=self._only)
        longest, poll = float(settings.MULTIFLEXI_CYCLE_PAUSE), float(settings.MULTIFLEXI_POLL)
        pause = longest if self.hinted and not found.is_due else min(poll, longest)
        self._at = begun + min(pause, math.inf if found.seconds is None else found.seconds)
        return found.is_due

    def claimed(self, number: int, places: int) -> None:
        """Note what a claim for so many places brought."""
        looked, self._plenty = not self._plenty, number >= places
        if self._plenty or not looked:
            self.look_now()
