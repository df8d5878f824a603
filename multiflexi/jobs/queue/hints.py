"""Hints between the processes of an installation: "look now". Polls and timers find the same without them, later."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Topic(StrEnum):
    """What has changed; the value names the database's channel, and channels of two databases never meet."""

    QUEUE = "multiflexi_queue"
    SCHEDULES = "multiflexi_schedules"
    WORKERS = "multiflexi_workers"


class Listener(Protocol):
    """Hears the hints of some topics."""

    def fileno(self) -> int:
        """Readable when hints have come, or when none will come any more."""

    def heard(self) -> set[Topic]:
        """Take all hints that have come and name their topics; raises DatabaseError when none will come any more."""

    def close(self) -> None:
        """Hear no more."""
