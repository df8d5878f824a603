"""What an executor keeps in memory about a job it owns."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from multiflexi.executors.contract import Ended, Executor, Handle, Limits, NeverStarted, Unknown
from multiflexi.jobs.output import LineFeed
from multiflexi.jobs.resolved import Resolved
from multiflexi.jobs.spool import SpoolDir
from multiflexi.models import Job
from multiflexi.vault.masker import Masker

log = logging.getLogger(__name__)

Result = Ended | NeverStarted | Unknown
TROUBLES_BEFORE_BARE_END = 3
LONGEST_REST_SECONDS = 60.0


class Stage(Enum):
    """How far the job is, by what is committed."""

    RUNNING = auto()
    FINISHING = auto()


@dataclass(slots=True)
class Running:
    """A started job; `result` is what its module concluded, once it did, and `noticed` when, by the monotonic clock.

    `obeyed` is the last stop request carried out. `applied` says by limit how it is enforced;
    `next_sample` is when sampled ones are looked after again.
    """

    job: Job
    module: Executor
    handle: Handle
    spool: SpoolDir
    job_dir: Path
    resolved: Resolved
    masker: Masker
    feed: LineFeed
    limits: Limits
    applied: Mapping[str, str] = field(default_factory=dict)
    next_sample: float = 0.0
    stage: Stage = Stage.RUNNING
    result: Result | None = None
    stopping: bool = False
    complained: bool = False
    obeyed: str | None = None
    noticed: float = 0.0
    pid_stored: bool = False
    troubles: int = 0
    trouble: str = ""
    rests_until: float = 0.0
    warnings: list[str] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.job.pk

    @property
    def is_muted(self) -> bool:
        """Whether its output cannot be stored, because that failed again and again or because it cannot be masked."""
        return self.troubles >= TROUBLES_BEFORE_BARE_END

    @property
    def rest_seconds(self) -> float:
        """Until it is tried again after something failed for it."""
        return max(0.0, self.rests_until - time.monotonic())

    @property
    def is_resting(self) -> bool:
        """Whether it failed so recently that it is not tried again yet."""
        return self.rest_seconds > 0

    def note_trouble(self, error: Exception) -> None:
        """Its output or its end could not be stored: that is tried again later, and in the end without its output."""
        self.troubles += 1
        self.trouble = self.masker.mask_text(f"{type(error).__name__}: {error}")[0]
        pause = min(LONGEST_REST_SECONDS, 2.0 ** (self.troubles - TROUBLES_BEFORE_BARE_END))
        self.rests_until = time.monotonic() + pause
        log.error(
            "what a job left could not be stored", extra={"job": self.id, "error": self.trouble, "try": self.troubles}
        )

    @property
    def takes_place(self) -> bool:
        """A place is held from the start to the proof of the end."""
        return self.stage is Stage.RUNNING and self.result is None

    @property
    def needs_stage(self) -> bool:
        """Whether its end is proven here but not in the database."""
        return self.stage is Stage.RUNNING and isinstance(self.result, Ended)
