"""Identity of processes: a pid alone is never trusted, because pids are used again.

Sources: proc(5) for the fields of /proc/<pid>/stat, pidfd_open(2), prctl(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_DUMPABLE = 4
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True)
class Process:
    """One process at one moment; `started` is in clock ticks since the kernel's boot."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    started: int

    @property
    def dead(self) -> bool:
        """A zombie runs no more, though its parent has not collected it yet."""
        return self.state in "ZXx"


@cache
def boot_id() -> str:
    """Name what a pid is valid in: this boot of the kernel, and this pid namespace."""
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{kernel}:{Path('/proc/self/ns/pid').stat().st_ino}"


def own_identity() -> tuple[str, int]:
    """Boot id and start time of this process, which together with its pid name it for ever."""
    own = look(os.getpid())
    return boot_id(), own.started if own else 0


def same_kernel_boot(one: str, other: str) -> bool:
    """Say whether two boot ids differ at most in the pid namespace."""
    return one.partition(":")[0] == other.partition(":")[0]


def look(pid: int) -> Process | None:
    """Look at a process; None when there is none of this number, or it is hidden from us."""
    try:
        text = _read_whole(f"/proc/{pid}/stat")
    except (*_GONE, PermissionError):
        return None
    # The name of the program is the only field that may hold blanks and brackets, so the last bracket ends it.
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    return Process(pid, fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def is_alive(pid: int, started: int) -> bool:
    """Say whether exactly this process still runs; another one with the same pid does not count."""
    found = look(pid)
    return found is not None and found.started == started and not found.dead


def boot_seconds() -> float:
    """The clock that counts from the kernel's boot, suspends included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def age(started: int) -> float:
    """Seconds since a process started, by the boot clock: clock steps and suspends do not change it."""
    return boot_seconds() - started / _TICKS


def open_descriptor(pid: int, started: int) -> int | None:
    """Open a pid descriptor of exactly this process; None when it is gone. OSError when descriptors run out."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    found = look(pid)
    if found is None or found.started != started:
        os.close(descriptor)
        return None
    return descriptor


def has_ended(descriptor: int) -> bool:
    """Say whether the process behind a pid descriptor has ended."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def send(process: Process, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it is gone or not ours to signal."""
    descriptor = open_descriptor(process.pid, process.started)
    if descriptor is None:
        return False
    try:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(descriptor, number)
            return True
        return False
    finally:
        os.close(descriptor)


def environment(pid: int) -> dict[bytes, bytes]:
    """Environment a process was started with; empty when it is gone or hidden from us."""
    return dict(part.split(b"=", 1) for part in _read(pid, "environ").split(b"\0") if b"=" in part)


def name(pid: int) -> bytes:
    """Name of the program that a process runs, at most 15 bytes; empty when it is gone."""
    return _read(pid, "comm").rstrip(b"\n")


def command(pid: int) -> list[bytes]:
    """Words of a process; empty when it is gone, hidden from us or a zombie."""
    return _read(pid, "cmdline").split(b"\0")[:-1]


def forbid_dumps() -> None:
    """Make this process non-dumpable, so that no other process of the account can read its memory or environment.

    Children started by exec are dumpable again. For other processes /proc/<our pid> then belongs to root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (*_GONE, PermissionError):
        return b""


def _read_whole(path: str) -> bytes:
    """Read a short file with as few calls as possible: this runs for every process of the host during a stop."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
