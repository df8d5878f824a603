"""B8: memory of idle daemons, and how long commands take."""

from __future__ import annotations

import statistics
import subprocess
import time

from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.processes import memory, python
from bench.frame.report import Report, rounded, spread

REPEATS, QUICK_REPEATS = 40, 15
IDLE_SECONDS, QUICK_IDLE_SECONDS = 10.0, 3.0
COMMANDS = {"--version": 80, "--help": 120, "job:list": 220}
DAEMONS = ("scheduler", "executor")
DAEMON_MB = 70


def measure(place: Installation, options: Options) -> Report:
    """Wall clock of the commands beside that of a bare interpreter, memory of the daemons after some idle seconds."""
    report = Report()
    repeats = options.size(REPEATS, QUICK_REPEATS)
    report.figures["python_itself_ms"] = spread(_times(place, repeats, "-c", ""))
    for word, target in COMMANDS.items():
        name = f"multiflexi-cli {word}"
        times = _times(place, repeats, "-m", "multiflexi.cli.main", word)
        report.figures[f"{name} ms"] = spread(times)
        report.at_most(f"{name}, milliseconds", statistics.median(times), target)
    for role in DAEMONS:
        daemon = place.daemon(role)
        time.sleep(QUICK_IDLE_SECONDS if options.quick else IDLE_SECONDS)
        held = memory(daemon.pid)
        report.figures[f"{role} MB"] = {"idle": rounded(held), "peak": rounded(memory(daemon.pid, "VmHWM"))}
        report.at_most(f"{role}, megabytes", held, DAEMON_MB)
        report.check(f"the {role} stops in order", daemon.stop(), 0)
    return report


def _times(place: Installation, repeats: int, *words: str) -> list[float]:
    """Milliseconds of a command; one that fails ends the measurement."""
    times = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        subprocess.run(python(*words), env=place.environment, stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - begun) * 1000)
    return times[1:]  # The first one fills the caches.
