"""Where and on what a figure was measured."""

from __future__ import annotations

import os
import platform
import subprocess
import timeit
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SETUP = "total, numbers = 0, range(1_000_000)"


def facts() -> dict[str, Any]:
    """What stays the same while it is measured: processors, versions, commit."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed_files": len(_git("status", "--porcelain").splitlines()),
    }


def state() -> dict[str, Any]:
    """How busy and how fast it is at this moment."""
    return {"load": [round(load, 2) for load in os.getloadavg()], "loop_ms": _loop_ms()}


def _loop_ms() -> float:
    """Milliseconds that this interpreter takes for a million additions; the least of some attempts."""
    return round(min(timeit.repeat("for number in numbers: total += number", SETUP, number=1, repeat=9)) * 1000, 1)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _git(*words: str) -> str:
    """What git says of this tree; nothing where it is no repository."""
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
