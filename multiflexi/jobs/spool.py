"""Spool directories: what one executor instance knows about its started jobs without any database.

Durability: the files survive a killed executor because the kernel keeps them. Only the kill note is forced to
disk, since it must exist before the first signal. After a power cut the rest may be missing; the changed boot id
then makes the job `lost`, and an `exit` that did reach the disk still counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TAKEN_BACK = 0
"""Process id in a start mark that an adopter took to prove that nothing was started."""

_DIRECTORY = re.compile(r"job-(\d+)-(\d+)\Z")
_TIMES = re.compile(rb"\s".join([rb"(\d+)m(\d+\.\d+)s"] * 4) + rb"\n")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9@#._-]{0,127}\Z")


class SpoolError(Exception):
    """The spool cannot be used as asked."""


class LockHeld(SpoolError):
    """Another process holds the spool of this instance name."""


class AlreadyStarted(SpoolError):
    """An earlier claim of the same job left a start mark, so the job may have run."""


@dataclass(frozen=True)
class StartMark:
    """Who took the start mark; `pid` is None while the mark is empty, TAKEN_BACK after an adopter took it."""

    pid: int | None
    written_at: datetime


@dataclass(frozen=True)
class ExitStatus:
    """Exit status as the wrapper saw it, 0 to 255, and the processor time it counted, None = not known."""

    code: int
    written_at: datetime
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class KillNote:
    """Why the platform ended a job: `reason` is timeout or terminated, `detail` the failure reason of the job.

    `boot_seconds` is the boot clock at the decision and `grace` the seconds until SIGKILL, None = never.
    """

    reason: str
    detail: str
    who: str
    why: str
    at: str
    boot_id: str
    boot_seconds: float
    grace: float | None


class SpoolDir:
    """Spool directory of one started job, readable by the account of the executor only."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        matched = _DIRECTORY.match(self.path.name)
        if matched is None:
            raise SpoolError(f"{self.path} is no spool directory: the name must be job-<id>-<claim>")
        self.job_id, self.claim = int(matched[1]), int(matched[2])

    def __repr__(self) -> str:
        return f"SpoolDir({str(self.path)!r})"

    @property
    def spec(self) -> Path:
        return self.path / "spec"

    @property
    def start(self) -> Path:
        return self.path / "start"

    @property
    def stdout(self) -> Path:
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        return self.path / "stderr"

    @property
    def exit(self) -> Path:
        return self.path / "exit"

    @property
    def kill(self) -> Path:
        return self.path / "kill"

    def readable(self) -> bool:
        """Say whether the directory is there and can be looked into."""
        return os.access(self.path, os.R_OK | os.X_OK) and self.path.is_dir()

    def take_start_mark(self) -> bool:
        """Take the start mark so that no wrapper can start any more; False when somebody else has it.

        True proves that nothing was started, as long as the kernel has not been booted since.
        """
        try:
            descriptor = os.open(self.start, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return False
        try:
            os.write(descriptor, f"{TAKEN_BACK}\n".encode("ascii"))
        finally:
            os.close(descriptor)
        return True

    def read_start(self) -> StartMark | None:
        """Read the start mark; None when nobody has taken it. OSError when the file cannot be read."""
        found = _read_number(self.start)
        return None if found is None else StartMark(found.value, found.written_at)

    def read_exit(self) -> ExitStatus | None:
        """Read the exit status; it counts only when it is complete, that is, ends in a newline.

        Behind it a wrapper may have told its processor times; what is missing or damaged of those is left out. On a
        full disk the file stays empty, and the name of another one tells the status.
        """
        found = _read_number(self.exit)
        if found is None:
            return None
        if found.value is None:
            named = (path.suffix[1:] for path in self.path.glob("exit.*"))
            found = replace(found, value=next((int(text) for text in named if text.isdigit()), None))
        if found.value is None or found.value > 255:
            return None
        return ExitStatus(found.value, found.written_at, _seconds(found.rest))

    def write_kill_note(self, note: KillNote) -> None:
        """Record why the job is being ended, durably: the note is on disk when this returns."""
        _write_whole(self.kill, json.dumps(asdict(note)), durable=True)

    def read_kill_note(self) -> KillNote | None:
        """Read the kill note; None when the platform did not end the job."""
        stored = _read_json(self.kill)
        with contextlib.suppress(TypeError):
            return None if stored is None else KillNote(**stored)
        return None

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Record what must be known without the database: ids, limits, retryable or not. Never a secret."""
        _write_whole(self.spec, json.dumps(spec), durable=False)

    def read_spec(self) -> dict[str, Any]:
        """Read what `write_spec` recorded; empty when it is missing or damaged."""
        return _read_json(self.spec) or {}

    def job_dir(self) -> Path | None:
        """The job's own directory of this start; None when it is not known."""
        found = self.read_spec().get("job_dir")
        return Path(found) if isinstance(found, str) else None

    def remove(self) -> None:
        """Delete the directory; nothing happens when it is already gone."""
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.path):  # noqa: PTH208 - no Path objects on the hot path
                _remove_entry(f"{self.path}/{name}")
            self.path.rmdir()


class Spool:
    """All spool directories of one executor instance; holding it means being the only owner of its jobs.

    Raises LockHeld when a living process has the same instance name, SpoolError for an unusable name.
    """

    def __init__(self, root: Path | str, instance_name: str) -> None:
        if not _INSTANCE.match(instance_name):
            raise SpoolError(
                f"The executor name {instance_name!r} cannot name a directory: use letters, digits and @ # . _ - only"
            )
        self.path = Path(root) / instance_name
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self._lock = _lock(self.path / "lock", instance_name)
        self._claims: dict[int, set[int]] = {}
        for directory in self.existing():
            self._claims.setdefault(directory.job_id, set()).add(directory.claim)

    @property
    def renewed(self) -> Path:
        """Where the last renewal of this instance's leases is noted."""
        return self.path / "renewed"

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the instance name free; the directories stay."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def intact(self) -> bool:
        """Whether the directory is still the one whose lock is held; not so when somebody deleted it."""
        try:
            found = (self.path / "lock").stat()
        except OSError:
            return False
        return self._lock >= 0 and found.st_ino == os.fstat(self._lock).st_ino

    def discard(self) -> None:
        """Remove the instance's directory unless it holds a start; for instances whose name is used once."""
        if any(self.existing()):
            return
        with contextlib.suppress(OSError):
            self.renewed.unlink(missing_ok=True)
            (self.path / "lock").unlink()
            self.path.rmdir()

    def create(self, job_id: int, claim: int, spec: Mapping[str, Any] | None = None) -> SpoolDir:
        """Make the empty directory of one start, removing what earlier unstarted claims of the job left.

        Raises AlreadyStarted when an earlier claim took the start mark: such a job must not run again.
        """
        for earlier in sorted(self._claims.get(job_id, ())):
            self.remove_unstarted(self.open(job_id, earlier))
        directory = self.open(job_id, claim)
        directory.path.mkdir(mode=0o700)
        self._claims.setdefault(job_id, set()).add(claim)
        if spec is not None:
            directory.write_spec(spec)
        return directory

    def open(self, job_id: int, claim: int) -> SpoolDir:
        """Name the directory of one start; it need not exist."""
        return SpoolDir(self.path / f"job-{job_id}-{claim}")

    def remove(self, directory: SpoolDir) -> None:
        """Delete the directory of one start; nothing happens when it is already gone.

        May be called from another thread than `create`.
        """
        directory.remove()
        claims = self._claims.get(directory.job_id)
        if claims is not None:
            claims.discard(directory.claim)
            if not claims:
                del self._claims[directory.job_id]

    def existing(self) -> Iterator[SpoolDir]:
        """Walk over the directories on disk, in no particular order."""
        with os.scandir(self.path) as entries:
            for entry in entries:
                if _DIRECTORY.match(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield SpoolDir(entry.path)

    def remove_unstarted(self, directory: SpoolDir) -> None:
        """Delete what an unstarted claim left, its job directory too. Raises AlreadyStarted, and deletes nothing then.

        After that nothing can start under this claim any more.
        """
        # Taking the mark first stops a wrapper that is on its way but has not reached its mark yet.
        if directory.readable() and not directory.take_start_mark():
            mark = directory.read_start()
            if mark is not None and mark.pid != TAKEN_BACK:
                raise AlreadyStarted(
                    f"Job {directory.job_id} was started before under claim {directory.claim}; "
                    f"its evidence is in {directory.path}"
                )
        job_dir = directory.job_dir()
        if job_dir is not None:
            shutil.rmtree(job_dir, ignore_errors=True)
        self.remove(directory)


def _remove_entry(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        try:
            os.unlink(path)  # noqa: PTH108
        except IsADirectoryError:
            shutil.rmtree(path)


def _lock(path: Path, instance_name: str) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise LockHeld(
            f"The executor name {instance_name} is in use by process {holder} ({path}): "
            "stop that process or set another MULTIFLEXI_EXECUTOR_NAME"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


@dataclass(frozen=True)
class _Number:
    """First line of a file: a number once it is complete; `rest` is what follows."""

    value: int | None
    rest: bytes
    written_at: datetime


def _read_number(path: Path) -> _Number | None:
    try:
        with path.open("rb", buffering=0) as file:
            text, changed = file.read(256), os.fstat(file.fileno()).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    line, newline, rest = text.partition(b"\n")
    complete = newline and line.isdigit()
    return _Number(int(line) if complete else None, rest, datetime.fromtimestamp(changed, UTC))


def _seconds(times: bytes) -> float | None:
    """Sum of the four times a shell prints: user and system of itself and of its children."""
    found = _TIMES.match(times)
    if found is None:
        return None
    numbers = [float(number) for number in found.groups()]
    return sum(minutes * 60 + seconds for minutes, seconds in zip(numbers[::2], numbers[1::2], strict=True))


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        loaded = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else None


def _write_whole(path: Path, text: str, *, durable: bool) -> None:
    """Replace a file so that a reader sees the old or the new text, never a part."""
    # The guard of the fence and the cycle may both write the same one.
    fresh = path.with_name(f"{path.name}.new{threading.get_native_id()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(descriptor)
    fresh.replace(path)
    if durable:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
