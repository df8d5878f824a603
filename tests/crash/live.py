"""The platform as real processes on the test's database: daemons, applications as scripts, and what became of jobs."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from multiflexi.executors.native import process
from multiflexi.faults import Point
from multiflexi.jobs import artifacts
from multiflexi.jobs.create import create_job
from multiflexi.models import Application, Company, Job, JobStatus, Overlap, RunTemplate, User, Worker
from multiflexi.record.actor import Actor

ON_SERVER = pytest.mark.skipif(connection.vendor == "sqlite", reason="an embedded database has no connections to cut")
EMBEDDED = pytest.mark.skipif(connection.vendor != "sqlite", reason="only a file can be locked as a whole")
PATIENCE = 40.0
ROOT = Path(__file__).resolve().parents[2]
# Scripts of jobs: one ends when its flag is there, the other is deaf to SIGTERM.
WAIT = 'echo started; while [ ! -e "{flag}" ]; do sleep 0.05; done; echo ended'
NEVER_ENDS = "trap '' TERM; echo started; while :; do sleep 0.05; done"


def until(happened: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + patience
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {patience:g} s")
        select.select([], [], [], 0.01)
    return found


class Daemon:
    """One daemon process; what it says goes to a file."""

    def __init__(self, module: str, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log_file = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, stdout=stream, stderr=stream
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def state(self) -> str:
        """As the kernel sees it: T stopped, Z ended and not waited for."""
        found = process.look(self.pid)
        assert found
        return found.state

    def crash(self) -> None:
        """End it as a power cut would, as far as one process is concerned."""
        self.process.kill()
        self.process.wait()

    def ask(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, within: float = PATIENCE) -> int:
        """Signal it and wait for its end; its exit status."""
        self.ask(number)
        return self.process.wait(within)

    def says(self, text: str, times: int = 1) -> None:
        """Wait until the log contains the text so often."""
        try:
            until(lambda: self.log.count(text) >= times or not self.is_alive, f"{text!r} in the log")
        finally:
            if self.log.count(text) < times:
                print(self.log[-5000:])
        assert self.log.count(text) >= times, f"it ended without saying {text!r}"


def application(root: Path, script: str, *, shell: str = "/bin/sh", **fields: Any) -> Application:
    """An application that is a script."""
    code = uuid.uuid4().hex[:12]
    path = root / f"app-{code}"
    path.write_text(f"#!{shell}\n{script}\n")
    path.chmod(0o755)
    values = {"executable": str(path), "name": code, "code": code, "uuid": uuid.uuid4()} | fields
    return Application.objects.create(**values)


class Live:
    """A small installation: two companies have their run templates here, and daemons run beside the test."""

    def __init__(self, root: Path, environment: dict[str, str], owner: User) -> None:
        self.root = root
        self.actor = Actor(user_id=owner.pk)
        self.daemons: list[Daemon] = []
        self.spool = Path(environment["MULTIFLEXI_SPOOL"])
        self.environment = environment | {
            "MULTIFLEXI_RUNTIME": str(root / "run"),
            "MULTIFLEXI_POLL": "0.05",
            "MULTIFLEXI_CYCLE_PAUSE": "0.5",
            "MULTIFLEXI_HEARTBEAT_SECONDS": "1",
            "MULTIFLEXI_LEASE_SECONDS": "5",
            "MULTIFLEXI_KILL_GRACE": "1",
            "MULTIFLEXI_MIN_FREE_MB": "0",
            "MULTIFLEXI_MAX_PARALLEL": "4",
            "MULTIFLEXI_LOG_LEVEL": "info",
        }

    def daemon(self, module: str, *arguments: str, **settings: str) -> Daemon:
        log = self.root / f"{module.rpartition('.')[2]}-{len(self.daemons)}.log"
        daemon = Daemon(module, arguments, self.environment | settings, log)
        self.daemons.append(daemon)
        return daemon

    def executor(self, name: str = "one", **settings: str) -> Daemon:
        """An executor that has begun its cycles."""
        daemon = self.daemon("daemons.executor", "--daemon", "--name", name, **settings)
        self._await_running("executor", name, daemon)
        return daemon

    def scheduler(self, name: str = "one", **settings: str) -> Daemon:
        daemon = self.daemon("daemons.scheduler", "--name", name, **settings)
        self._await_running("scheduler", name, daemon)
        return daemon

    def executor_hit_at(self, point: Point, by: str, *, name: str = "one", **settings: str) -> Daemon:
        """An executor that came as far as the point and took the signal there, SIGKILL or SIGSTOP."""
        daemon = self.daemon("tests.crash.faulty_executor", point, "1", by, "--daemon", "--name", name, **settings)
        until(lambda: daemon.state in "TZ", f"the accident at {point}")
        assert daemon.state == ("Z" if by == "SIGKILL" else "T"), daemon.log
        return daemon

    def _await_running(self, role: str, name: str, daemon: Daemon) -> None:
        def is_running() -> bool:
            assert daemon.is_alive, daemon.log
            return Worker.objects.filter(role=role, name=name, pid=daemon.pid, last_cycle_at__isnull=False).exists()

        Worker.objects.filter(role=role, name=name).update(last_cycle_at=None)
        until(is_running, f"the first cycle of the {role}")

    def app(self, script: str, *, shell: str = "/bin/sh", **fields: Any) -> Application:
        return application(self.root, script, shell=shell, **fields)

    def python_app(self, script: str, **fields: Any) -> Application:
        return self.app(script, shell=f"{sys.executable} -IS", **fields)

    def template(self, app: Application, company: Company, **fields: Any) -> RunTemplate:
        values = {"name": app.name, "overlap": Overlap.ALLOW} | fields
        return RunTemplate.objects.create(app=app, company=company, **values)

    def job(self, runtemplate: RunTemplate, **values: Any) -> int:
        """The id of a new job that is due now."""
        return create_job(runtemplate, actor=self.actor, **values).pk

    def run(self, script: str, company: Company, **fields: Any) -> int:
        """The id of a new job of a new application that is the script."""
        return self.job(self.template(self.app(script), company, **fields))

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.crash()
            # The test run shows it when the test has failed.
            print(daemon.log[-20_000:])
        until(lambda: not self._kill_jobs(), "the end of all processes of the jobs")

    def _kill_jobs(self) -> int:
        """Kill every process that carries a job's environment of this installation."""
        mine = f"{self.environment['MULTIFLEXI_TMP']}/job-".encode()
        found = [
            one
            for one in _processes()
            if not one.dead and process.environment(one.pid).get(b"MULTIFLEXI_TMP", b"").startswith(mine)
        ]
        for one in found:
            process.send(one, signal.SIGKILL)
        return len(found)


class Gate:
    """A way to the database server that can be shut: what is under way is cut off, new connections are refused.

    `loses` says for one commit after the other whether its connection is cut off when the server has carried it out,
    so that the answer never arrives.
    """

    def __init__(self) -> None:
        self.loses: Iterator[bool] = iter(())
        self.lost = 0
        self._server = (str(connection.settings_dict["HOST"]), int(connection.settings_dict["PORT"]))
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self.port = 0
        self.open()

    def open(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is None:
            return
        # Only a shutdown ends an accept() under way; it would let one more connection in.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._server)
            except OSError:
                return
            self._open += [near, far]
            muted = threading.Event()
            threading.Thread(target=self._ask, args=(near, far, muted), daemon=True).start()
            threading.Thread(target=self._answer, args=(far, near, muted), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                if b"COMMIT" in data and next(self.loses, False):
                    muted.set()
                far.sendall(data)
        _hang_up(near, far)

    def _answer(self, far: socket.socket, near: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if muted.is_set():
                    self.lost += 1
                    break
                near.sendall(data)
        _hang_up(near, far)


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _processes() -> Iterator[process.Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := process.look(int(entry.name))) is not None:
            yield found


def status(job_id: int) -> str:
    return str(Job.objects.values_list("status", flat=True).get(pk=job_id))


def ended(*job_ids: int, patience: float = PATIENCE) -> Job:
    """Wait for the end of all jobs; the last one."""

    def all_final() -> bool:
        states = Job.objects.filter(pk__in=job_ids).values_list("status", flat=True)
        return all(JobStatus(state).is_final for state in states)

    until(all_final, f"the end of jobs {job_ids}", patience)
    return Job.objects.get(pk=job_ids[-1])


def running(job_id: int) -> Job:
    """Wait until a job's process is known."""

    def is_known() -> Job | None:
        job = Job.objects.get(pk=job_id)
        assert not JobStatus(job.status).is_final, f"{job.status}: {job.reason_detail}"
        return job if job.pid else None

    job: Job = until(is_known, f"the start of job {job_id}")
    return job


def stored(job_id: int, filename: str = "stdout.txt") -> bytes:
    """The content of a job's artifact."""
    artifact = Job.objects.get(pk=job_id).artifacts.get(filename=filename)
    return b"".join(artifacts.read(artifact))


def path_through(job_id: int) -> list[str]:
    """The states of a job in the order of its history."""
    return list(Job.objects.get(pk=job_id).history.order_by("pk").values_list("to_status", flat=True))


def lines_of(job_id: int) -> list[str]:
    return list(Job.objects.get(pk=job_id).output_lines.order_by("seq").values_list("line", flat=True))


def cut_connections() -> int:
    """End all other connections to this database, as a restart of its server would."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return len(cursor.fetchall())
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
        ids = [row[0] for row in cursor.fetchall()]
    for number in ids:
        with connection.cursor() as cursor:
            try:
                cursor.execute(f"KILL {int(number)}")
            except Exception as error:
                # 1094: it has ended by itself meanwhile.
                if getattr(error, "args", [None])[0] != 1094:
                    raise
    return len(ids)
