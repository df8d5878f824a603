"""B7 as one of the measurements: a run of its own, because it needs a database server that it may restart."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from bench.frame.options import Options
from bench.frame.processes import python
from bench.frame.report import Report

QUICK_JOBS = 400
JOBS = {"pgsql": 20_000, "mysql": 2_000, "sqlite": 2_000}
QUICK = ("--executors", "2", "--kill-every", "3")


def measure(options: Options) -> Report:
    """Jobs run twice, jobs lost and rules broken, on a server of its own of the chosen kind."""
    jobs = options.size(JOBS[options.database], QUICK_JOBS)
    found = _run("--database", options.database, "--jobs", str(jobs), *(QUICK if options.quick else ()))
    report = Report(figures={name: value for name, value in found.items() if name not in ("checks", "correct")})
    report.at_most("jobs run twice", found["duplicates"], 0)
    report.at_most("jobs lost", found["lost"], 0)
    for rule, verdict in found["checks"].items():
        report.check(rule, verdict, "ok")
    return report


def _run(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(python("-m", "bench.b7", *arguments), stdout=subprocess.PIPE, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report
