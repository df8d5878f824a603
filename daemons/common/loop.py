"""What the driver asks of a daemon's loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from daemons.common.stop import StopMode


class Loop(Protocol):
    """A daemon. All methods are called by one thread, the main one.

    ``start``, ``run_once`` and ``reload`` may raise; the driver closes the database connections and calls again
    later, so they must be repeatable.
    """

    role: str

    def start(self) -> None:
        """Prepare: worker row, adoption, healing. Called until it succeeds once."""

    def run_once(self) -> float | None:
        """One cycle; seconds until the next is wanted, or None when nothing is left to do after ``stop``."""

    def tend(self) -> None:
        """Go on with what needs no database; called about every second while cycles fail."""

    def stop(self, mode: StopMode) -> float:
        """Begin to end, or end harder than before; seconds it may take at most. Does no work itself.

        Cycles go on until ``run_once`` returns None or that time is over.
        """

    def close(self) -> None:
        """Last act: release what is held. The database may be away."""

    def reload(self, changed: Sequence[str]) -> None:
        """Settings of these names have new values."""

    def dump(self) -> None:
        """Log what is going on (SIGUSR1)."""

    def watched(self) -> Iterable[int]:
        """File descriptors that, when readable, end the pause at once."""
