"""How long a command takes, and how much memory an idle daemon holds (B8 of the design)."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.row import Row
from daemons.all import local_state

REPEATS = 15
IDLE_SECONDS = 3.0
START_SECONDS = 30.0
COMMANDS = {"--version": 80, "--help": 120, "job:list": 220}
DAEMONS = {"scheduler": 70, "executor": 70}


def measure() -> list[Row]:
    """Median of the commands, resident memory of the daemons after some idle seconds; on SQLite."""
    with tempfile.TemporaryDirectory(prefix="multiflexi-bench-") as scratch:
        file = local_state.ensure(Path(scratch) / "state")
        local_state.migrate(file)
        environment = local_state.environment(file)
        rows = [
            Row(f"multiflexi-cli {word}", _median_ms(word, environment), "ms", target)
            for word, target in COMMANDS.items()
        ]
        return rows + [
            Row(f"{name}, idle", _idle_mb(name, environment), "MB", target) for name, target in DAEMONS.items()
        ]


def _median_ms(word: str, environment: dict[str, str]) -> float:
    times = []
    for _ in range(REPEATS + 1):
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "multiflexi.cli.main", word], env=environment, stdout=subprocess.DEVNULL, check=True
        )
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times[1:])  # the first one fills the caches


def _idle_mb(name: str, environment: dict[str, str]) -> float:
    """Resident memory of a daemon some seconds after it has started."""
    command = [sys.executable, "-m", f"daemons.{name}", "--daemon"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr
        try:
            if " starts" not in daemon.stderr.readline():
                raise RuntimeError(f"the {name} did not start")
            time.sleep(IDLE_SECONDS)
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii"))
            assert found
            return int(found[1]) * 1024 / 1_000_000
        finally:
            os.kill(daemon.pid, signal.SIGTERM)
            daemon.wait(START_SECONDS)
