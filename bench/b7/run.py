"""One run on one database: set it up, let executors be killed, then look at every job."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.b7.chaos import Chaos, Executors, Stalled, leftover_processes
from bench.b7.servers import SERVERS, Server

LEASE_SECONDS, HEARTBEAT_SECONDS = 15, 5
# An executor looks for what is left a lease after its start, and then with every heartbeat.
TIDY_SECONDS = 2.0 * (LEASE_SECONDS + HEARTBEAT_SECONDS)


@dataclass(frozen=True)
class Options:
    scratch: Path
    database: str = "pgsql"
    jobs: int = 2000
    executors: int = 4
    places: int = 8
    kill_every: float = 4.0
    pauses: int = 2
    restarts: bool = True
    seed: int = 1
    patience: float = 1800.0
    keep: bool = False


def run(options: Options) -> dict[str, Any]:
    """Figures and checks; `correct` is whether all checks hold."""
    server = SERVERS[options.database](options.scratch)
    try:
        server.start()
        with _installation(options.scratch, server) as environment:
            return _measured(options, server, environment)
    finally:
        server.stop()
        if not options.keep:
            shutil.rmtree(options.scratch, ignore_errors=True)


@contextlib.contextmanager
def _installation(scratch: Path, server: Server) -> Iterator[dict[str, str]]:
    """The environment of all processes, this one included; the tables are made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "MULTIFLEXI_"))}
    environment = kept | {
        **server.settings,
        "DJANGO_SETTINGS_MODULE": "multiflexi.settings",
        "ENCRYPTION_MASTER_KEY": secrets.token_urlsafe(32),
        "MULTIFLEXI_ENV_FILE": os.devnull,
        "MULTIFLEXI_TMP": str(scratch / "tmp"),
        "MULTIFLEXI_SPOOL": str(scratch / "spool"),
        "MULTIFLEXI_LEASE_SECONDS": str(LEASE_SECONDS),
        "MULTIFLEXI_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "MULTIFLEXI_MIN_FREE_MB": "0",
    }
    subprocess.run([sys.executable, "-m", "multiflexi.cli.main", "setup", "--quiet"], env=environment, check=True)
    os.environ.update(environment)
    import django

    django.setup()
    yield environment


def _measured(options: Options, server: Server, environment: dict[str, str]) -> dict[str, Any]:
    from bench.b7 import ledger, work

    scratch = options.scratch
    place, logs = scratch / "place", scratch / "logs"
    place.mkdir()
    logs.mkdir()
    work.make_jobs(work.make_templates(place), options.jobs)
    names = [f"executor-{n + 1}" for n in range(options.executors)]
    executors = Executors(names, environment | {"MULTIFLEXI_MAX_PARALLEL": str(options.places)}, logs)
    blows = server.blows if options.restarts else {}
    # Somebody has to be left to take over.
    pauses = options.pauses if options.executors > options.pauses else 0
    chaos = Chaos(executors, blows, kill_every=options.kill_every, pauses=pauses, seed=options.seed)
    begun = time.monotonic()
    stalled = None
    try:
        for name in names:
            executors.start(name)
        chaos.rage(_progress, options.patience)
    except Stalled as reason:
        stalled = str(reason)
    finally:
        seconds = time.monotonic() - begun
        executors.calm_down(lambda: not any(ledger.directories(scratch / "spool", scratch / "tmp")), TIDY_SECONDS)
        executors.stop()
    verdict = ledger.check(place, scratch / "spool", scratch / "tmp")
    verdict.culprits["all came to an end in time"] = [stalled] if stalled else []
    verdict.culprits["no process is left"] = [n] if (n := leftover_processes(scratch / "tmp")) else []
    verdict.culprits["no executor ended by itself"] = [executors.unexpected_ends] if executors.unexpected_ends else []
    return {
        "measurement": "b7",
        "database": options.database,
        "executors": options.executors,
        "jobs": verdict.notes["jobs"],
        "retries": verdict.notes["retries"],
        "kills": executors.kills,
        "pauses": executors.pauses,
        "database_blows": chaos.dealt,
        "seconds": round(seconds, 1),
        "jobs_per_second": round(verdict.notes["jobs"] / seconds, 1),
        "duplicates": len(verdict.culprits["no job ran twice"]),
        "lost": len(verdict.culprits["no job is lost"]),
        "log_lines": _noteworthy(logs),
        "checks": verdict.as_dict(),
        "correct": not any(verdict.culprits.values()),
        **({"scratch": str(scratch)} if options.keep else {}),
    }


def _progress() -> tuple[int, int]:
    """How many jobs have ended, and how many have not."""
    from bench.b7.ledger import patiently
    from multiflexi.models import FINAL_STATES, Job, QueueEntry

    ended = patiently(lambda: Job.objects.filter(status__in=FINAL_STATES).count())
    return ended, patiently(QueueEntry.objects.count)


def _noteworthy(logs: Path) -> dict[str, int]:
    """What the executors complained about, by the kind of the complaint."""
    counts: dict[str, int] = {}
    for file in logs.iterdir():
        for line in file.read_text(errors="replace").splitlines():
            if "level=error" in line or "level=critical" in line or line.startswith("Traceback"):
                said = line.partition("message=")[2] or line
                said = "".join("#" if letter.isdigit() else letter for letter in said)[:120]
                counts[said] = counts.get(said, 0) + 1
    return counts
