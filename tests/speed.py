"""How fast the machine is just now, for promises about time: shared ones are slower by half for hours."""

import subprocess
import sys
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

USUAL_SECONDS = 0.01


def slowness() -> float:
    """How many times more processor time than usual the bare interpreter takes to start; at least 1."""
    return max(1.0, median(processor_time(sys.executable, "-ISc", "") for _ in range(9)) / USUAL_SECONDS)


def processor_time(*command: str, env: dict[str, str] | None = None) -> float:
    """Seconds that a command takes on processors, which others do not prolong by keeping them busy."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(command, env=env, capture_output=True, check=False)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
