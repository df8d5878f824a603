"""Processor time and memory of processes, and daemons to start, all through /proc."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.frame.machine import ROOT

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0


def until(happened: Callable[[], Any], what: str, *, patience: float = PATIENCE, every: float = 0.05) -> Any:
    """Wait until something is true, and return it; TimeoutError names what did not happen."""
    deadline = time.monotonic() + patience
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {patience:g} s")
        time.sleep(every)
    return found


def cpu(pid: int) -> tuple[float, float]:
    """Processor seconds of a process itself and of its children that have ended; zeros when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except OSError:
        return 0.0, 0.0
    # The name may contain blanks and parentheses; user and system time are fields 14 to 17.
    user, system, children_user, children_system = map(int, text.rpartition(")")[2].split()[11:15])
    return (user + system) / TICKS, (children_user + children_system) / TICKS


def family_cpu(pid: int) -> float:
    """Processor seconds of a process, of its living descendants and of all that have ended."""
    return sum(cpu(pid)) + sum(family_cpu(child) for child in children(pid))


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text(encoding="ascii").split())
        except OSError:
            continue
    return found


def memory(pid: int, line: str = "VmRSS") -> float:
    """Megabytes of a process by a line of its status: VmRSS now, VmHWM at most so far."""
    found = re.search(rf"{line}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    if not found:
        raise ValueError(f"process {pid} has no {line}")
    return int(found[1]) * 1024 / 1_000_000


class Process:
    """A program that runs beside the measurement; what it says goes to a file."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log_file = log
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float = PATIENCE) -> int:
        return self._process.wait(seconds)

    def stop(self, number: int = signal.SIGTERM, within: float = PATIENCE) -> int:
        """Signal it and wait for its end; its exit status."""
        self._process.send_signal(number)
        return self._process.wait(within)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def python(*words: str) -> list[str]:
    """A command of our own Python."""
    return [sys.executable, *words]
