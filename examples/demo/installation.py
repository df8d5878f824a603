"""The demonstration's own installation: its command line and its daemons."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from daemons.all import local_state

ROOT = Path(__file__).resolve().parents[2]
CLI = ROOT / "bin" / "multiflexi-cli"
DRAIN_SECONDS = 30
STATE = ROOT / "var"
LOG_NAME = "daemons.log"


class DemoFailed(Exception):
    """The demonstration did not show what it should; the text says what was wrong."""


def _private(path: str, flags: int) -> int:
    """Open a file for `open`; one that is made is readable for its owner alone."""
    return os.open(path, flags, 0o600)


class Installation:
    """A fresh installation in one directory; what was there before is removed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / LOG_NAME
        self._lock = self._alone()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.settings = local_state.ensure(self.directory)
        self._environment = local_state.environment(self.settings)
        self._daemons: subprocess.Popen[bytes] | None = None

    def _alone(self) -> IO[str]:
        """Hold a lock beside the directory; the daemons inherit it, so it lives as long as they do."""
        if self.directory.parent == STATE or not self.directory.parent.exists():
            local_state.make_private(self.directory.parent)
        lock = open(f"{self.directory}.lock", "a+", opener=_private)  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DemoFailed(
                f"A demonstration in {self.directory} is still running (process {lock.read().strip()}); stop it first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def migrate(self) -> None:
        """Make the tables and the data keys."""
        try:
            local_state.migrate(self.settings)
        except local_state.LocalStateError as error:
            raise DemoFailed(str(error)) from None

    def cli(self, *words: str, show: bool = False) -> Any:
        """The answer of one call of multiflexi-cli; raises DemoFailed when it refuses."""
        if show:
            print(f"    $ multiflexi-cli {shlex.join(words)}".replace(f"{ROOT}/", ""))
        done = subprocess.run(
            [str(CLI), *words, "--format", "json"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoFailed(f"multiflexi-cli {shlex.join(words)} ended with {done.returncode}: {done.stdout.strip()}")
        return json.loads(done.stdout)

    def content(self, artifact: int) -> bytes:
        """The content of an artifact."""
        command = [str(CLI), "artifact:save", "--id", str(artifact), "--file", "-"]
        return subprocess.run(command, env=self._environment, capture_output=True, check=True).stdout

    def start_daemons(self) -> None:
        """Start scheduler and executor; their log goes to a file."""
        with open(self.log, "ab", opener=_private) as log:
            self._daemons = subprocess.Popen(
                [sys.executable, "-m", "daemons.all", "--environment", str(self.settings)],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                pass_fds=[self._lock.fileno()],
            )

    def daemons_run(self) -> bool:
        return self._daemons is not None and self._daemons.poll() is None

    def stop_daemons(self) -> int | None:
        """Let running jobs end, then the daemons; their exit status, None when they were not running."""
        if self._daemons is None:
            return None
        if self.daemons_run():
            self._daemons.send_signal(signal.SIGINT)
        try:
            return self._daemons.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._daemons.send_signal(signal.SIGINT)
            return self._daemons.wait(DRAIN_SECONDS)
