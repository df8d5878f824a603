"""Hold back lines that repeat, and say afterwards how many there were."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BURST = 5
WINDOW_SECONDS = 60.0
MOST_KEYS = 1000

Key = tuple[str, int, str, object]


@dataclass
class Window:
    """Since when a line is counted, how often it came and its latest record."""

    since: float
    count: int
    record: logging.LogRecord


class RepeatLimit:
    """Lets an identical line through ``BURST`` times per window; not thread-safe, its handler holds a lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[Key, Window] = OrderedDict()

    def admitted(self, record: logging.LogRecord) -> Iterator[logging.LogRecord]:
        """Records to write now: summaries of windows that are over, then the record unless it is held back."""
        now = self._clock()
        while self._windows and (self._over(now) or len(self._windows) > MOST_KEYS):
            _, window = self._windows.popitem(last=False)
            yield from _summary(window)
        key = (record.name, record.levelno, _text_of(record), getattr(record, "job", None))
        window = self._windows.setdefault(key, Window(now, 0, record))
        window.count += 1
        window.record = record
        if window.count <= BURST:
            yield record

    def rest(self) -> Iterator[logging.LogRecord]:
        """Summaries of everything still held back, at the end of the process."""
        while self._windows:
            yield from _summary(self._windows.popitem(last=False)[1])

    def _over(self, now: float) -> bool:
        return now - next(iter(self._windows.values())).since >= WINDOW_SECONDS


def _summary(window: Window) -> Iterator[logging.LogRecord]:
    held_back = window.count - BURST
    if held_back > 0:
        summary = logging.makeLogRecord({**window.record.__dict__, "repeated": held_back, "exc_info": None})
        yield summary


def _text_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)
