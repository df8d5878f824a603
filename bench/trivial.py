"""The same trivial command by an executor daemon, by the floor, and bare."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.frame import history, seed
from bench.frame.finished import Ledger, seconds_between_first_claim_and_last_completion
from bench.frame.installation import Installation
from bench.frame.processes import Process, children, cpu, family_cpu, memory, python, until
from bench.frame.report import Report, rounded, say
from bench.frame.server import ServerMeter
from multiflexi.models import QueueEntry

PLACES = 4
COMPANIES, TEMPLATES_OF_EACH = 10, 10
# It prints the id of its job, so that every output differs and can be checked.
EXECUTABLE, WORDS = "/bin/echo", "{MULTIFLEXI_JOB_ID}"
SECONDS_AT_MOST = 1800.0
SAMPLE = 500


def costs(jobs_per_second: float, spent: dict[str, float], number: int, **more: float) -> dict[str, Any]:
    """The figures of one part; `spent` are processor seconds."""
    per_job = {name: seconds * 1000 / number for name, seconds in spent.items()}
    per_job["all"] = sum(per_job.values())
    return {
        "jobs_per_second": rounded(jobs_per_second),
        "cpu_ms_per_job": {name: rounded(value) for name, value in per_job.items()},
    } | {name: rounded(value) for name, value in more.items()}


class Trivial:
    """So many jobs over a hundred run templates, as often as wanted; each time everything they leave is checked."""

    def __init__(self, place: Installation, report: Report, number: int) -> None:
        self._place, self._report, self.number = place, report, number
        app = seed.application(EXECUTABLE, WORDS)
        self._templates = seed.run_templates(app, COMPANIES, TEMPLATES_OF_EACH)

    def by_executor(self) -> dict[str, Any]:
        """One executor daemon from the first claim to the last completion."""
        return self._drive("executor", self._executor(), self._place.spool_root / "one")

    def by_floor(self) -> dict[str, Any]:
        """The same work by `bench.floor`."""
        command = python("-m", "bench.floor")
        floor = self._place.instance("executor", "floor", *command, MULTIFLEXI_MAX_PARALLEL=str(PLACES))
        return self._drive("floor", floor, self._place.spool_root / "floor")

    def bare(self, *how: str) -> dict[str, Any]:
        """The command without anything that is kept."""
        command = python("-m", "bench.bare", str(self.number), str(PLACES), *how)
        done = subprocess.run(command, env=self._place.environment, stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        self._report.check(f"{' '.join(how) or 'bare'}: every command succeeded", found["good"], self.number)
        return costs(self.number / found["seconds"], found["cpu_seconds"], self.number)

    def make_history(self, wanted: int) -> int:
        """Some real jobs, copied so often; returns how many copies there are."""
        executor = self._executor()
        ids = seed.jobs(self._templates, SAMPLE)
        until(lambda: not QueueEntry.objects.exists(), "the sample of finished jobs", patience=SECONDS_AT_MOST)
        executor.stop()
        say(f"copying {SAMPLE} finished jobs until there are {wanted}")
        return history.multiply(ids, wanted)

    def _executor(self) -> Process:
        return self._place.daemon("executor", MULTIFLEXI_MAX_PARALLEL=str(PLACES))

    def _drive(self, who: str, process: Process, spool: Path) -> dict[str, Any]:
        """Give the jobs to a process that waits for them; check what became of them, and tell what it cost."""
        seed.settle()
        ledger, server = Ledger(), ServerMeter()
        own, below = cpu(process.pid)
        ids = seed.jobs(self._templates, self.number)
        self._await_end(who, process, spool)
        own_now, below_now = cpu(process.pid)
        helpers = sum(family_cpu(child) for child in children(process.pid))
        spent = {"itself": own_now - own, "children": below_now - below + helpers}
        spent |= {f"database_{group}": seconds for group, seconds in server.seconds().items()}
        peak = memory(process.pid, "VmHWM")
        self._report.check(f"{who}: it stops in order", process.stop(), 0)
        ledger.check(self._report, who, ids, self._place.jobs_root, spool)
        rate = self.number / seconds_between_first_claim_and_last_completion(ids)
        return costs(rate, spent, self.number, peak_mb=peak)

    def _await_end(self, who: str, process: Process, spool: Path) -> None:
        def is_done() -> bool:
            if process.status is not None:
                raise RuntimeError(f"the {who} ended with {process.status}:\n{process.log[-5000:]}")
            directories = (self._place.jobs_root, spool)
            return not QueueEntry.objects.exists() and not any(any(one.glob("job-*")) for one in directories)

        until(is_done, f"the last job of the {who}", patience=SECONDS_AT_MOST, every=0.2)
