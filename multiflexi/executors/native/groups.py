"""A control group (cgroup v2) of its own for each job, where a part of the tree is delegated to the executor.

The group holds the application and everything it starts, never the wrapper: so the wrapper outlives the end of the
group and reports it. Sources: the kernel's "Control Group v2", and systemd's "Control Group APIs and Delegation".
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from multiflexi.executors.contract import By, Handle, Limits

WANTED = ("memory", "pids", "cpu")
_PERIOD = 100_000
_DELEGATION_MARKS = ("user.delegate", "trusted.delegate")


@dataclass(frozen=True)
class Delegated:
    """A group below which this executor may make others; `controllers` hold in those."""

    path: Path
    controllers: frozenset[str] = frozenset()


def find(configured: Path | None) -> Delegated | None:
    """The delegated group: the configured one, else that of the unit if its manager marked it; None = there is none."""
    path = configured or _of_the_unit()
    if path is None or not is_usable(path):
        return None
    return Delegated(path, _enable_controllers(path))


def is_usable(path: Path) -> bool:
    """Say whether groups can be made in this directory."""
    return (path / "cgroup.procs").exists() and os.access(path, os.W_OK | os.X_OK)


def create(path: Path, limits: Limits, applied: Mapping[str, By]) -> None:
    """Make the group of a job and set the limits that it is to enforce. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    if applied.get("memory") == "cgroup":
        _write(path / "memory.max", str(limits.memory))
        # Older kernels lack the one or the other; the limit itself holds without.
        for name, value in {"memory.swap.max": "0", "memory.oom.group": "1"}.items():
            with contextlib.suppress(OSError):
                _write(path / name, value)
    if applied.get("processes") == "cgroup":
        _write(path / "pids.max", str(limits.processes))
    if applied.get("cpus") == "cgroup":
        _write(path / "cpu.max", f"{round((limits.cpus or 0) * _PERIOD)} {_PERIOD}")


def of(handle: Handle) -> Path | None:
    """The group of a job if it has one; its name is checked, because what it holds will be killed."""
    stored = handle.get("group")
    if not stored or Path(stored).name != handle["name"]:
        return None
    return Path(stored)


def members(path: Path) -> set[int]:
    """Process ids in the group and in those that the job made below it."""
    found: set[int] = set()
    for directory, _directories, files in os.walk(path):
        if "cgroup.procs" in files:
            with contextlib.suppress(OSError):
                found.update(map(int, Path(directory, "cgroup.procs").read_text(encoding="ascii").split()))
    # Processes of another pid namespace show as 0.
    return found - {0}


def is_populated(path: Path) -> bool:
    """Say whether any process is left in the group or below it."""
    return _events(path / "cgroup.events").get("populated", 0) > 0


def kill(path: Path) -> bool:
    """Send SIGKILL to everything in the group at once; False where the kernel cannot (before 5.14)."""
    try:
        _write(path / "cgroup.kill", "1")
    except OSError:
        return False
    return True


def oom_kills(path: Path) -> int:
    """How many processes of the group were killed for want of memory."""
    return _events(path / "memory.events").get("oom_kill", 0)


def own_oom_kills() -> int:
    """The same for the group of this process, where jobs without one of their own live, too."""
    path = _own()
    return oom_kills(path) if path else 0


def peak_memory_kb(path: Path) -> int | None:
    """Most memory the group ever used, its share of the page cache included."""
    with contextlib.suppress(OSError, ValueError):
        return int((path / "memory.peak").read_text(encoding="ascii")) // 1024
    return None


def cpu_seconds(path: Path) -> float | None:
    """Processor time of everything that ever ran in the group."""
    used = _events(path / "cpu.stat").get("usage_usec")
    return None if used is None else used / 1_000_000


def remove(path: Path) -> bool:
    """Remove an empty group with those below it; False while a process is left."""
    with contextlib.suppress(OSError):
        path.rmdir()
        return True
    for directory, _directories, _files in os.walk(path, topdown=False):
        try:
            Path(directory).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def _of_the_unit() -> Path | None:
    """The group that the service manager delegated: ours, or the one above when we were put into a group below it.

    In the first case controllers cannot be enabled, because a group that holds processes has none for others.
    """
    own = _own()
    if own is None:
        return None
    return next((path for path in (own.parent, own) if _is_marked(path)), None)


def _own() -> Path | None:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        relative = next((line[3:] for line in lines if line.startswith("0::")), None)
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    if relative is None:
        return None
    for line in mounts:
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and before.split()[3] == "/":
            return Path(before.split()[4] + relative)
    return None


def _is_marked(path: Path) -> bool:
    for name in _DELEGATION_MARKS:
        with contextlib.suppress(OSError):
            if os.getxattr(path, name) == b"1":
                return True
    return False


def _enable_controllers(path: Path) -> frozenset[str]:
    switch = path / "cgroup.subtree_control"
    for name in WANTED:
        with contextlib.suppress(OSError):
            _write(switch, f"+{name}")
    try:
        return frozenset(switch.read_text(encoding="ascii").split()) & frozenset(WANTED)
    except OSError:
        return frozenset()


def _events(path: Path) -> dict[str, int]:
    """Lines of the form `name number`; empty when the file is not there."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _write(path: Path, value: str) -> None:
    # Without O_CREAT and O_TRUNC, as these are no ordinary files.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode("ascii"))
    finally:
        os.close(descriptor)
