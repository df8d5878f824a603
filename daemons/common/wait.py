"""Sleep until a moment, a call from another thread, or something readable."""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Callable, Iterable

LONGEST_SECONDS = 3600.0


class Waiter:
    """Waits in ``poll(2)``; ``wake`` may be called from any thread, the rest from one only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def wake(self) -> None:
        """End the present sleep, or the next one at once."""
        os.eventfd_write(self._event, 1)

    def sleep(self, seconds: float, fds: Iterable[int] = (), *, wakeable: bool = True) -> bool:
        """Sleep at most ``seconds``; True when ``wake`` or one of ``fds`` ended it, never early without a cause.

        The caller must read what made a descriptor readable, or leave the descriptor out of the next call.
        """
        # poll(2) instead of epoll: it keeps no list, so a number reused for another file cannot be confused.
        poll = select.poll()
        for fd in [*fds, *([self._event] if wakeable else [])]:
            poll.register(fd, select.POLLIN)
        deadline = self._clock() + min(seconds, LONGEST_SECONDS)
        while True:
            left = max(0.0, deadline - self._clock())
            ready = {fd for fd, _ in poll.poll(math.ceil(left * 1000))}
            if self._event in ready:
                os.eventfd_read(self._event)
            if ready:
                return True
            if self._clock() >= deadline:
                return False

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._event)
