"""Signals as events: handlers do nothing, the kernel's signal number arrives in a pipe."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any

TAKEN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class Signals:
    """Catches TERM, INT, HUP and USR1 while entered; main thread only."""

    def __init__(self) -> None:
        self._reader, self._writer = -1, -1
        self._old_handlers: dict[int, Any] = {}
        self._old_wakeup = -1

    def __enter__(self) -> Signals:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._old_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._old_handlers = {number: signal.signal(number, _ignore) for number in TAKEN}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._reader

    def take(self) -> list[int]:
        """Numbers of the signals that came since the last call, oldest first."""
        try:
            return [number for number in os.read(self._reader, 4096) if number in TAKEN]
        except BlockingIOError:
            return []


def _ignore(number: int, frame: FrameType | None) -> None:
    """A handler must exist for the number to reach the pipe; it must never work itself."""
