#!/usr/bin/env python3
"""Set two companies up, wait for the next minute, and show what scheduler and executor made of it.

Everything goes through `multiflexi-cli` and the daemons; the state is thrown away at the next run.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import Results
from installation import STATE, DemoFailed, Installation
from scenario import Firm, Scenario, bank_statements, slow_jobs

MINUTE = 60
PATIENCE_SECONDS = 100
UNFINISHED = ("", "pending", "queued", "running", "finishing")
LOG_TAIL = 15


@dataclass
class Run:
    """The run template of one company and the job of its first slot, `status` empty while there is none."""

    firm: Firm
    template: int
    job_id: int = 0
    status: str = ""

    def take(self, jobs: Sequence[dict[str, Any]]) -> bool:
        """Take over the state of the first job; whether it is news."""
        first = min(jobs, key=lambda job: job["id"], default=None)
        if first is None or first["status"] == self.status:
            return False
        self.job_id, self.status = first["id"], first["status"]
        return True


def main() -> int:
    """Run the demonstration; 0 when everything came out as expected."""
    arguments = _arguments()
    installation = None
    try:
        installation = Installation(arguments.state)
        scenario = slow_jobs(arguments.slow, arguments.state.resolve()) if arguments.slow else bank_statements()
        _demonstrate(installation, scenario, PATIENCE_SECONDS + arguments.slow)
    except DemoFailed as failure:
        print(f"\nThe demonstration FAILED: {failure}")
        _show_log(installation)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return 130
    finally:
        if installation:
            installation.stop_daemons()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=STATE / "demo", help="directory of the demonstration")
    parser.add_argument("--slow", type=int, default=0, metavar="SECONDS", help="jobs that take this long, for tests")
    return parser.parse_args()


def _demonstrate(installation: Installation, scenario: Scenario, patience: float) -> None:
    begun = time.monotonic()
    _step("A fresh installation: settings, master key, database")
    installation.migrate()
    _step("An application, from its definition file")
    application = _import(installation, scenario)
    _step("Companies that use it, each with a configuration of its own, every minute")
    runs = [_set_up(installation, firm, application) for firm in scenario.firms]
    _step("Scheduler and executor; from here on nothing is done by hand")
    installation.start_daemons()
    _await_slot(installation)
    _await_jobs(installation, runs, patience)
    _step("Jobs")
    _show_jobs(installation, runs)
    _step("Artifacts")
    proofs = [_show_artifacts(installation, scenario, run) for run in runs]
    _step("Checks")
    for run, proof in zip(runs, proofs, strict=True):
        print(f"    {run.firm.name}: {proof}")
    status = installation.stop_daemons()
    if status:
        raise DemoFailed(f"the daemons ended with exit status {status}")
    print(f"\nAll good, {time.monotonic() - begun:.0f} s. The daemons have stopped. To look around:")
    print(f"    export MULTIFLEXI_ENV_FILE={installation.settings}")
    print("    bin/multiflexi-cli job:list")


def _step(title: str) -> None:
    print(f"\n* {title}", flush=True)


def _import(installation: Installation, scenario: Scenario) -> str:
    made = installation.cli("application:import-json", str(scenario.manifest), show=True)
    number = str(made["application_id"])
    # A program in the source tree is not in the search path of jobs, so its place is given in full.
    installation.cli(
        *("application:update", "--id", number, "--executable", sys.executable),
        *("--cmdparams", shlex.quote(str(scenario.program))),
        show=True,
    )
    return number


def _set_up(installation: Installation, firm: Firm, application: str) -> Run:
    created = ("company:create", "--name", firm.name, "--slug", firm.slug, "--timezone", firm.timezone)
    installation.cli(*created, show=True)
    assigned = installation.cli("company-app:assign", "--company", firm.slug, "--app", application, show=True)
    template = int(assigned["runtemplate_id"])
    values = [word for name, value in firm.config.items() for word in ("--config", f"{name}={value}")]
    installation.cli("run-template:update", "--id", str(template), "--interv", "i", *values, show=True)
    return Run(firm, template)


def _await_slot(installation: Installation) -> None:
    """Count down to the full minute, the first slot of every run template."""
    slot = (time.time() // MINUTE + 1) * MINUTE
    live = sys.stdout.isatty()
    while (left := slot - time.time()) > 0:
        if not installation.daemons_run():
            raise DemoFailed("the daemons have stopped")
        if live:
            print(f"\r    next slot in {left:2.0f} s ", end="", flush=True)
        elif left > MINUTE - 1 or int(left) % 15 == 0:
            print(f"    next slot in {left:.0f} s", flush=True)
        time.sleep(min(1.0, left))
    print("\r    the slot is due     " if live else "    the slot is due", flush=True)


def _await_jobs(installation: Installation, runs: Sequence[Run], patience: float) -> None:
    """Wait until the first job of every run template has ended."""
    until = time.monotonic() + patience
    while any(run.status in UNFINISHED for run in runs):
        if time.monotonic() > until or not installation.daemons_run():
            raise DemoFailed("not all jobs have ended" if installation.daemons_run() else "the daemons have stopped")
        for run in runs:
            jobs = installation.cli("job:list", "--runtemplate_id", str(run.template), "--fields", "id,status")
            if run.take(jobs):
                print(f"    job {run.job_id} of {run.firm.name}: {run.status}", flush=True)
        time.sleep(0.2)


def _show_jobs(installation: Installation, runs: Sequence[Run]) -> None:
    lines = [("job", "company", "application", "status", "exit code", "seconds")]
    for run in runs:
        job = installation.cli("job:status", "--id", str(run.job_id))
        template = installation.cli("run-template:get", "--id", str(run.template), "--fields", "app_name")
        figures = (str(job["exitcode"]), f"{job['duration']:.2f}")
        lines.append((str(job["id"]), run.firm.name, template["app_name"], job["status"], *figures))
        if job["status"] != "success":
            raise DemoFailed(
                f"job {job['id']} of {run.firm.name} ended as {job['status']}, exit code {job['exitcode']}"
            )
    _table(lines)


def _table(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("    " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _show_artifacts(installation: Installation, scenario: Scenario, run: Run) -> str:
    number = run.job_id
    artifacts = installation.cli("artifact:list", "--job_id", str(number), "--fields", "id,filename,content_type,size")
    results = Results(number, {one["filename"]: installation.content(one["id"]) for one in artifacts})
    for one in artifacts:
        results.expect(len(results.files[one["filename"]]) == one["size"], f"{one['filename']} has not the stated size")
    _table(
        [
            (f"job {number}, {run.firm.name}", "type", "bytes"),
            *((one["filename"], one["content_type"], str(one["size"])) for one in artifacts),
        ]
    )
    for line in scenario.first_rows(results):
        print(f"      | {line}")
    return scenario.check(run.firm, results)


def _show_log(installation: Installation | None) -> None:
    if not installation:
        return
    with suppress(OSError):
        lines = installation.log.read_text(errors="replace").splitlines()
        print(f"The end of {installation.log}:", *lines[-LOG_TAIL:], sep="\n    ")


if __name__ == "__main__":
    sys.exit(main())
