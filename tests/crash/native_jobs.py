"""Real native jobs for the tests: start them, await their end, look at their processes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from multiflexi.executors.contract import Ended, Handle, Launch, Limits, NeverStarted, Plan, Sandbox, Unknown
from multiflexi.executors.native import process
from multiflexi.executors.native.module import Native
from multiflexi.executors.native.tree import Tree
from multiflexi.jobs.spool import Spool, SpoolDir

PATIENCE = 20.0
SYSTEM_PATH = "/usr/bin:/bin"
SOURCE = Path(__file__).resolve().parents[2]


def until(happened: Callable[[], Any], what: str = "it") -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {PATIENCE} s")
        select.select([], [], [], 0.005)
    return found


class Lab:
    """One executor instance with a spool and job directories of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spool = Spool(root / "spool", "tester")
        self.native = Native()
        self.handles: list[Handle] = []
        self._numbers = iter(range(int(time.monotonic_ns() % 10**12), 10**13))

    def launch(
        self,
        *argv: str,
        env: dict[str, str] | None = None,
        job_id: int | None = None,
        limits: Limits | None = None,
        sandbox: Sandbox | None = None,
    ) -> Launch:
        # Numbers are new in every run, so that a process left by an earlier run is never taken for ours.
        number = next(self._numbers) if job_id is None else job_id
        job_dir = self.root / "jobs" / f"job-{number}"
        job_dir.mkdir(parents=True)
        given = {"PATH": SYSTEM_PATH, "MULTIFLEXI_JOB_ID": str(number), "MULTIFLEXI_TMP": str(job_dir)}
        given.update(env or {})
        spool = self.spool.create(number, 1)
        return Launch(
            number, 1, list(argv), given, job_dir, spool, limits=limits or Limits(), sandbox=sandbox or Sandbox()
        )

    def plan(self, *argv: str, **more: Any) -> Plan:
        return self.native.prepare(self.launch(*argv, **more))

    def start(self, *argv: str, **more: Any) -> Handle:
        handle = self.native.start(self.plan(*argv, **more))
        self.handles.append(handle)
        return handle

    def python(self, code: str, *words: str, **more: Any) -> Handle:
        return self.start(sys.executable, "-c", code, *words, **more)

    def run(self, *argv: str, **more: Any) -> Ended | NeverStarted | Unknown:
        return self.end(self.start(*argv, **more))

    def end(self, handle: Handle, native: Native | None = None) -> Ended | NeverStarted | Unknown:
        """Await the end of a job by its descriptor, as the runner does."""
        native = native or self.native
        if (descriptor := native.watch_fd(handle)) is not None:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            assert poller.poll(PATIENCE * 1000), "the job did not end in time"
        return until(lambda: native.poll(handle), "the end of the job")

    def close(self) -> None:
        for handle in self.handles:
            Tree(identified(handle)).kill_until_gone(PATIENCE)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(handle["pid"], 0)
            self.native.cleanup(handle)
        self.spool.close()


def spool_of(handle: Handle) -> SpoolDir:
    return SpoolDir(handle["spool"])


def output_of(handle: Handle) -> bytes:
    return spool_of(handle).stdout.read_bytes()


def first_line(handle: Handle) -> str:
    """Wait for the first complete line of a job's output; jobs say so when they are ready."""
    path = spool_of(handle).stdout
    until(lambda: path.exists() and b"\n" in path.read_bytes(), "the first line of output")
    return path.read_text().splitlines()[0]


def identified(handle: Handle) -> Handle:
    """The handle of a living job as the runner's first look completes it."""
    if handle["pid_started"] is None and (found := process.look(handle["pid"])):
        handle["pid_started"] = found.started
    return handle


def job_pids(handle: Handle) -> set[int]:
    identified(handle)
    return {found.pid for found in Tree(handle).members()}


def gone(pid: int) -> bool:
    found = process.look(pid)
    return found is None or found.dead


def stop(native: Native, handle: Handle, *, grace: float | None = 10.0, reason: str = "terminated") -> Any:
    return native.stop(handle, reason=reason, detail="stopped", who="user:1", why="asked for", grace=grace)


@contextlib.contextmanager
def foreign_executor(lab: Lab, *argv: str) -> Iterator[tuple[subprocess.Popen[str], Handle]]:
    """Let another process be the executor that starts a job; it does nothing but wait for its own end."""
    launch = lab.launch(*argv)
    starter = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("native_starter.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(SOURCE), "PATH": SYSTEM_PATH},
    )
    assert starter.stdin and starter.stdout
    starter.stdin.write(
        json.dumps([launch.job_id, launch.argv, dict(launch.env), str(launch.job_dir), str(launch.spool.path)])
    )
    starter.stdin.write("\n")
    starter.stdin.flush()
    handle = json.loads(starter.stdout.readline())
    lab.handles.append(handle)
    try:
        yield starter, handle
    finally:
        starter.kill()
        starter.wait()
        starter.stdin.close()
        starter.stdout.close()


def kill_and_collect(starter: subprocess.Popen[str]) -> None:
    starter.send_signal(signal.SIGKILL)
    starter.wait()
