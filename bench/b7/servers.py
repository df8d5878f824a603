"""A database server that belongs to the measurement alone, so that it may be killed; or one embedded file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
LOCKED_SECONDS = 4.0


class Server(ABC):
    """One database; `settings` reach it, `blows` are ways to interrupt it, each by a name for the report."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]: ...

    @property
    @abstractmethod
    def blows(self) -> dict[str, Callable[[], None]]: ...

    @abstractmethod
    def start(self) -> None:
        """Make it and start it."""

    @abstractmethod
    def stop(self) -> None:
        """End it and remove what it left."""


class SQLite(Server):
    """A file; nobody can restart it, but everybody can lock it."""

    @property
    def settings(self) -> dict[str, str]:
        return {"DB_CONNECTION": "sqlite", "DB_DATABASE": str(self.scratch / "multiflexi.sqlite3")}

    @property
    def blows(self) -> dict[str, Callable[[], None]]:
        return {"locked 1": self.lock, "locked 2": self.lock}

    def start(self) -> None:
        """The file is made with its tables."""

    def stop(self) -> None:
        """The file goes with the scratch directory."""

    def lock(self) -> None:
        """Keep everybody from writing for some seconds."""
        holder = sqlite3.connect(self.settings["DB_DATABASE"], isolation_level=None, timeout=60)
        holder.execute("BEGIN EXCLUSIVE")
        time.sleep(LOCKED_SECONDS)
        holder.execute("ROLLBACK")
        holder.close()


class _Own(Server):
    """A server with a directory, an account and a port of its own."""

    account: str

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self.home = Path(tempfile.mkdtemp(prefix="multiflexi-b7-db-"))
        if os.geteuid() == 0:
            shutil.chown(self.home, self.account, self.account)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])

    def begin(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program as the account that servers run under, because root may not."""
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = {"user": self.account, "group": self.account, "extra_groups": []}
        environment = os.environ | {"TMPDIR": str(self.home)}
        with (self.home.parent / f"{self.home.name}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.home, env=environment, stdout=log, stderr=log, **account)

    def call(self, *command: str) -> None:
        """Run a program to its end; raises CalledProcessError when it fails."""
        if status := self.begin(*command).wait():
            raise subprocess.CalledProcessError(status, command)

    def stop(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home.parent / f"{self.home.name}.log").unlink(missing_ok=True)


class PostgreSQL(_Own):
    account = "postgres"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DB_CONNECTION": "pgsql",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": self.port,
            "DB_DATABASE": "b7",
            "DB_USERNAME": self.account,
            "DB_PASSWORD": "",
        }

    @property
    def blows(self) -> dict[str, Callable[[], None]]:
        return {
            "restart immediate": lambda: self.restart("immediate"),
            "connections terminated": self.cut,
            "restart fast": lambda: self.restart("fast"),
        }

    def start(self) -> None:
        data = str(self.home / "data")
        self.call(self._program("initdb"), "-D", data, "-A", "trust", "-U", self.account, "-E", "UTF8", "--no-sync")
        self._ctl("start", "-o", f"-p {self.port} -k {self.home} -c listen_addresses=127.0.0.1")
        self._psql("postgres", "CREATE DATABASE b7")

    def restart(self, mode: str) -> None:
        self._ctl("restart", "-m", mode)

    def cut(self) -> None:
        self._psql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'b7'",
        )

    def stop(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._ctl("stop", "-m", "immediate")
        super().stop()

    def _ctl(self, action: str, *arguments: str) -> None:
        data = str(self.home / "data")
        self.call(self._program("pg_ctl"), action, "-D", data, "-w", "-l", str(self.home / "log"), *arguments)

    def _psql(self, database: str, sql: str) -> None:
        self.call(self._program("psql"), "-h", "127.0.0.1", "-p", self.port, "-U", self.account, "-c", sql, database)

    @staticmethod
    def _program(name: str) -> str:
        installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        found = str(installed[-1]) if installed else shutil.which(name)
        if found is None:
            raise RuntimeError(f"{name} is missing: install the PostgreSQL server")
        return found


class MariaDB(_Own):
    account = "mysql"

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DB_CONNECTION": "mysql",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": self.port,
            "DB_DATABASE": "b7",
            "DB_USERNAME": "b7",
            "DB_PASSWORD": "b7",
        }

    @property
    def blows(self) -> dict[str, Callable[[], None]]:
        return {
            "server killed": lambda: self.restart(signal.SIGKILL),
            "server restarted": lambda: self.restart(signal.SIGTERM),
        }

    def start(self) -> None:
        install = shutil.which("mariadb-install-db")
        if install is None:
            raise RuntimeError("mariadb-install-db is missing: install the MariaDB server")
        self.call(
            install, "--no-defaults", f"--datadir={self.home / 'data'}", "--auth-root-authentication-method=normal"
        )
        self._serve()
        self._sql("CREATE DATABASE b7 CHARACTER SET utf8mb4; GRANT ALL ON b7.* TO b7@localhost IDENTIFIED BY 'b7'")

    def restart(self, number: int) -> None:
        assert self._server
        self._server.send_signal(number)
        self._server.wait()
        self._serve()

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        super().stop()

    def _serve(self) -> None:
        self._server = self.begin(
            shutil.which("mariadbd") or "/usr/sbin/mariadbd",
            "--no-defaults",
            f"--datadir={self.home / 'data'}",
            f"--socket={self.home / 'socket'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._sql("SELECT 1")
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _sql(self, text: str) -> None:
        client = shutil.which("mariadb") or "mysql"
        self.call(client, "--no-defaults", f"--socket={self.home / 'socket'}", "-uroot", "-e", text)


SERVERS: dict[str, type[Server]] = {"pgsql": PostgreSQL, "mysql": MariaDB, "sqlite": SQLite}
