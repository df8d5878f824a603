"""How far a long command is: one line on a terminal's standard error, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from multiflexi.cli.call import Call

_CLEAR = "\r\x1b[K"


@contextmanager
def counted(call: Call, what: str) -> Iterator[Callable[[int], None] | None]:
    """A function that shows a number of things done; None where no progress is to be shown."""
    if not _shown(call):
        yield None
        return

    def show(number: int) -> None:
        sys.stderr.write(f"{_CLEAR}{number} {what}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write(_CLEAR)


@contextmanager
def working(call: Call, what: str) -> Iterator[None]:
    """Say what is being done while it is, where nothing can be counted."""
    if not _shown(call):
        yield
        return
    sys.stderr.write(f"{_CLEAR}{what} …")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write(_CLEAR)


def waited(call: Call, why: str) -> Callable[[float], None]:
    """A function that sleeps so many seconds and says how many are left."""

    def wait(seconds: float) -> None:
        end = time.monotonic() + seconds
        if not _shown(call) and seconds >= 1 and not call.get("quiet"):
            call.warn(f"Waiting {seconds:.0f} s {why}.")
        while (left := end - time.monotonic()) > 0:
            if _shown(call):
                sys.stderr.write(f"{_CLEAR}Waiting {left:.0f} s {why}")
                sys.stderr.flush()
            time.sleep(min(left, 1.0))

    return wait


def _shown(call: Call) -> bool:
    return sys.stderr.isatty() and call.format == "text" and not call.get("quiet")
