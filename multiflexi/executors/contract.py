"""Contract between the runner and the executor modules: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from multiflexi.jobs.spool import KillNote, SpoolDir

Handle = dict[str, Any]
"""What another executor needs to find a started job: JSON-able, without secrets, persisted before the start."""

LostWord = Literal["wrapper_gone", "host_rebooted", "no_evidence", "engine_unknown"]
Level = Literal["ok", "warning", "error"]
Profile = Literal["none", "restricted", "isolated"]
By = Literal["cgroup", "prlimit", "sampled", "not enforced"]
"""Who holds a job to a limit: the kernel for the whole job, the kernel for each process, the runner by looking."""


@dataclass(frozen=True)
class Limits:
    """Effective limits of one job; seconds, bytes, and 0 or None for none.

    The executor enforces memory, file size, processes and CPU as far as the host lets it and says how in the plan; the
    runner watches time, output and what is only sampled, and calls `stop`.
    """

    time_limit: int = 0
    kill_grace: float = 10.0
    output_limit: int = 0
    memory: int | None = None
    file_size: int | None = None
    processes: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class Sandbox:
    """Walls around the application; `hidden` are host paths that an isolated job must not see.

    `account` is the name of the account it runs under, None = the executor's.
    """

    profile: Profile = "none"
    hidden: tuple[Path, ...] = ()
    account: str | None = None


@dataclass(frozen=True)
class Launch:
    """Everything one start needs: words of the command, exact environment, directories, limits."""

    job_id: int
    claim: int
    argv: list[str]
    env: Mapping[str, str] = field(repr=False)
    job_dir: Path
    spool: SpoolDir
    limits: Limits = Limits()
    sandbox: Sandbox = Sandbox()
    image: str | None = None

    @property
    def name(self) -> str:
        """Name of the job in process lists, engines and control groups."""
        return start_name(self.job_id, self.claim)


@dataclass(frozen=True)
class Plan:
    """A start that was checked and may be carried out; `warnings` name what the application will miss.

    `applied` says by limit how it is enforced; limits that the job does not have are left out.
    """

    launch: Launch
    argv: list[str]
    env: dict[str, str] = field(repr=False)
    handle: Handle
    warnings: tuple[str, ...] = ()
    applied: Mapping[str, By] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """What a job consumed, its waited-for descendants included; None = not known, never a guess."""

    cpu_seconds: float | None
    max_rss_kb: int | None
    wall_seconds: float | None


@dataclass(frozen=True)
class Ended:
    """Proof that the job ended: exit code 0 to 255, the signal behind it, and our kill note if we did it.

    `cause` is the failure reason when the system ended the job for a limit of its own.
    """

    exit_code: int
    signal: int | None
    kill_note: KillNote | None
    usage: Usage | None
    ended_at: datetime
    cause: str | None = None


@dataclass(frozen=True)
class Alive:
    """Proof that the job runs; `handle` is completed with what was learned about it."""

    handle: Handle


@dataclass(frozen=True)
class NeverStarted:
    """Proof that nothing was started and that nothing can start under this claim any more."""


@dataclass(frozen=True)
class Unknown:
    """The job may have been started and can be proven neither alive nor ended; `word` says why."""

    word: LostWord
    last_sign: datetime | None = None


@dataclass(frozen=True)
class StopState:
    """Progress of a stop: `done` when no process is left, else ask again after `again` seconds."""

    done: bool
    left: int = 0
    again: float = 0.0


@dataclass(frozen=True)
class Check:
    """One finding of a self check; `hint` is the way out when it is not ok."""

    name: str
    level: Level
    message: str
    hint: str = ""


class StartRefused(Exception):
    """The job cannot be started, now or later: exit code 126, 127 or 255, reason and detail for the person."""

    def __init__(self, exit_code: int, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.exit_code, self.reason, self.detail = exit_code, reason, detail


class StartFailed(Exception):
    """The start call failed for want of resources and nothing runs; the start can be undone and repeated."""


def start_name(job_id: int, claim: int) -> str:
    """The name by which a start is found again: in process lists, engines and control groups."""
    return f"mf-job-{job_id}-{claim}"


class Executor(Protocol):
    """What every executor module does; a method that meets a foreign or unknown handle proves before it acts."""

    name: str

    def usable_for(self, app: Any) -> tuple[bool, str]:
        """Say whether the application can run here, and if not, why."""

    def self_check(self) -> list[Check]:
        """Try out what this module needs on this host."""

    def prepare(self, launch: Launch) -> Plan:
        """Check everything that can be checked before the point of no return. Raises StartRefused."""

    def start(self, plan: Plan) -> Handle:
        """Start the job. Raises StartFailed when nothing runs and a repetition may help, else StartRefused."""

    def poll(self, handle: Handle) -> Ended | NeverStarted | Unknown | None:
        """Ask whether the job goes on: None while it does."""

    def watch_fd(self, handle: Handle) -> int | None:
        """Give a descriptor that becomes readable when the job ends, also for adopted jobs; owned by the module."""

    def stop(self, handle: Handle, *, reason: str, detail: str, who: str, why: str, grace: float | None) -> StopState:
        """Note the reason durably, then ask the whole job to end; grace in seconds, None = never kill."""

    def stop_progress(self, handle: Handle) -> StopState:
        """Carry on with a stop without blocking, also one that a previous executor began."""

    def running_seconds(self, handle: Handle) -> float:
        """Seconds since the job started, by a clock that neither steps nor stops; 0 while the start is unknown."""

    def count_processes(self, handle: Handle) -> int:
        """Living processes of the job, for a limit that is only sampled; may be up to a second old."""

    def recover(self, handle: Handle) -> Alive | Ended | NeverStarted | Unknown:
        """Find out what became of a job whose executor went away."""

    def collect(self, handle: Handle) -> Path:
        """Bring the result files into the job directory and name it."""

    def cleanup(self, handle: Handle) -> None:
        """Forget an ended job and remove what the module itself left of it; may be repeated."""
