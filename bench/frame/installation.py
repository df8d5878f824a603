"""An installation for one measurement: database, directories, settings, daemons."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import django

from bench.frame import databases
from bench.frame.processes import Process, python, until
from daemons.all.local_state import PLATFORM_PREFIXES


class Installation:
    """Its database and directories exist as long as the measurement runs; this process uses them, too."""

    def __init__(self, scratch: Path, database: databases.Database) -> None:
        self.scratch = scratch
        self.database = database
        self.jobs_root, self.spool_root = scratch / "tmp", scratch / "spool"
        for directory in (self.jobs_root, self.spool_root, scratch / "run"):
            directory.mkdir(mode=0o700)
        # Nothing of the machine's own installation reaches the measurement; modules are compiled once, as a package's.
        left_out = (*PLATFORM_PREFIXES, "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        self.environment = (
            kept
            | database.settings
            | {
                "ENCRYPTION_MASTER_KEY": secrets.token_urlsafe(32),
                "MULTIFLEXI_ENV_FILE": os.devnull,
                "MULTIFLEXI_TMP": str(self.jobs_root),
                "MULTIFLEXI_SPOOL": str(self.spool_root),
                "MULTIFLEXI_RUNTIME": str(scratch / "run"),
                "MULTIFLEXI_TIMEZONE": "Europe/Prague",
            }
        )
        self._processes: list[Process] = []

    def enter(self) -> None:
        """Make the tables, and let this process be one of the installation."""
        setup = self.process("setup", *python("-m", "multiflexi.cli.main", "setup", "--quiet"))
        if setup.wait(600):
            raise RuntimeError(f"multiflexi-cli setup failed:\n{setup.log}")
        os.environ.clear()
        os.environ.update(self.environment, DJANGO_SETTINGS_MODULE="multiflexi.settings")
        django.setup()

    def process(self, name: str, *command: str, **settings: str) -> Process:
        """Start a program of the installation; it ends with the measurement at the latest."""
        log = self.scratch / f"{name}-{len(self._processes)}.log"
        self._processes.append(Process(command, self.environment | settings, log))
        return self._processes[-1]

    def daemon(self, role: str, name: str = "one", **settings: str) -> Process:
        """Start a daemon and wait until it has begun its cycles."""
        return self.instance(role, name, *python("-m", f"daemons.{role}", "--daemon", "--name", name), **settings)

    def instance(self, role: str, name: str, *command: str, **settings: str) -> Process:
        """Start a program that keeps a row of this role and name, and wait until it has begun its cycles."""
        from multiflexi.models import Worker

        Worker.objects.filter(role=role, name=name).update(last_cycle_at=None)
        daemon = self.process(f"{role}-{name}", *command, **settings)

        def is_running() -> bool:
            if daemon.status is not None:
                raise RuntimeError(f"the {role} ended with {daemon.status}:\n{daemon.log}")
            return Worker.objects.filter(role=role, name=name, pid=daemon.pid, last_cycle_at__isnull=False).exists()

        until(is_running, f"the first cycle of the {role}")
        return daemon

    def close(self) -> None:
        for process in self._processes:
            if process.status is None:
                process.kill()


@contextmanager
def installation(kind: str) -> Iterator[Installation]:
    """Make everything, and take it away afterwards, whatever happened."""
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="multiflexi-bench-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        database = stack.enter_context(databases.fresh(kind, scratch))
        place = Installation(scratch, database)
        stack.callback(_leave, place)
        place.enter()
        yield place


def _leave(place: Installation) -> None:
    place.close()
    if django.apps.apps.ready:
        from django.db import connections

        connections.close_all()
