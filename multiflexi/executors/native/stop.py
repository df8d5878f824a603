"""End a job in small steps: note, SIGTERM, grace, SIGKILL, proof that nothing is left.

The note in the spool carries the deadline by the boot clock, so that the next executor goes on where this one left.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from datetime import UTC, datetime

from multiflexi.executors.contract import Handle, StopState
from multiflexi.executors.native import process
from multiflexi.executors.native.tree import Tree
from multiflexi.jobs.spool import KillNote, SpoolDir

_LOOK_AGAIN = 0.05
_SPARED_ROUNDS = 4

logger = logging.getLogger(__name__)


class Stop:
    """One stop under way; `note` says why, and stays the same when it is asked for again."""

    def __init__(self, handle: Handle, note: KillNote) -> None:
        self.note = note
        self.done = False
        self.tree = Tree(handle)
        self._rounds = 0

    def shorten(self, note: KillNote) -> None:
        """Take over an earlier deadline from a later request; the first reason stays the reason."""
        if deadline(note) < deadline(self.note):
            self.note = replace(self.note, boot_seconds=note.boot_seconds, grace=note.grace)

    def advance(self) -> StopState:
        """Do what is due now, without waiting for anything."""
        if not self.done:
            left = self._kill() if process.boot_seconds() >= deadline(self.note) else self._left()
            if left:
                return StopState(False, left, _LOOK_AGAIN)
            self.done = True
        return StopState(True)

    def _left(self) -> int:
        # As long as the wrapper lives the job does; only then is the costly look at all processes of use.
        if self.tree.wrapper():
            return 1
        return len(self.tree.members()) or self._kill()

    def _kill(self) -> int:
        self._rounds += 1
        return self.tree.kill(wrapper_too=self._rounds > _SPARED_ROUNDS)


def write_note(spool: SpoolDir, note: KillNote) -> None:
    """Write the note durably; a full or vanished disk must not keep a job from being stopped."""
    try:
        spool.write_kill_note(note)
    except OSError as error:
        logger.warning("The kill note of %s could not be written: %s", spool.path.name, error.strerror)


def new_note(reason: str, detail: str, who: str, why: str, grace: float | None) -> KillNote:
    """Make a note dated now; `grace` in seconds, None = never kill."""
    now = datetime.now(UTC).isoformat()
    return KillNote(reason, detail, who, why, now, process.boot_id(), process.boot_seconds(), grace)


def deadline(note: KillNote) -> float:
    """Moment of SIGKILL by the boot clock; infinite when there is none."""
    return math.inf if note.grace is None else note.boot_seconds + note.grace
