"""What an executor keeps in memory about a job it owns."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from multiflexi.executors.contract import Ended, Executor, Handle, Limits, NeverStarted, Unknown
from multiflexi.jobs.output import LineFeed
from multiflexi.jobs.resolved import Resolved
from multiflexi.jobs.spool import SpoolDir
from multiflexi.models import Job
from multiflexi.vault.masker import Masker

Result = Ended | NeverStarted | Unknown
TROUBLES_BEFORE_BARE_END = 3


class Stage(Enum):
    """How far the job is, by what is committed."""

    RUNNING = auto()
    FINISHING = auto()


@dataclass(slots=True)
class Running:
    """A started job; `result` is what its module concluded, once it did, `obeyed` the last stop request carried out."""

    job: Job
    module: Executor
    handle: Handle
    spool: SpoolDir
    job_dir: Path
    resolved: Resolved
    masker: Masker
    feed: LineFeed
    limits: Limits
    stage: Stage = Stage.RUNNING
    result: Result | None = None
    stopping: bool = False
    obeyed: str | None = None
    pid_stored: bool = False
    troubles: int = 0
    trouble: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.job.pk

    @property
    def is_muted(self) -> bool:
        """Whether its output cannot be stored, because that failed again and again or because it cannot be masked."""
        return self.troubles >= TROUBLES_BEFORE_BARE_END

    @property
    def takes_place(self) -> bool:
        """A place is held from the start to the proof of the end."""
        return self.stage is Stage.RUNNING
