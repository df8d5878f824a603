"""Try out on this host what native jobs need."""

from __future__ import annotations

import select
import tempfile
from pathlib import Path

from multiflexi.executors.contract import Check, Ended, Executor, Handle, Launch, StartFailed, StartRefused
from multiflexi.executors.native import sandbox
from multiflexi.executors.native.wrapper import SHELL
from multiflexi.jobs.spool import SpoolDir

_TRIAL_SECONDS = 10
_TRIAL_CODE = 7


def run(executor: Executor) -> list[Check]:
    """Report whether a start works as promised, and which sandbox profiles this host can serve."""
    return [_trial(executor), _process_table(), *(_profile(profile) for profile in ("restricted", "isolated"))]


def _trial(executor: Executor) -> Check:
    """Start a real job and compare status, output and environment with what was asked for."""
    with tempfile.TemporaryDirectory(prefix="mf-check-") as root:
        spool, job_dir = SpoolDir(Path(root, "job-0-1")), Path(root, "work")
        spool.path.mkdir(mode=0o700)
        job_dir.mkdir(mode=0o700)
        command = [SHELL, "-c", f'echo "$MULTIFLEXI_JOB_ID"; exit {_TRIAL_CODE}']
        try:
            plan = executor.prepare(Launch(0, 1, command, {"MULTIFLEXI_JOB_ID": "0"}, job_dir, spool))
            handle = executor.start(plan)
            ended = _await_end(executor, handle)
            output = spool.stdout.read_bytes()
            executor.cleanup(handle)
        except (StartFailed, StartRefused, OSError) as error:
            return Check("start", "error", f"A native process could not be started: {error}")
    if isinstance(ended, Ended) and ended.exit_code == _TRIAL_CODE and output == b"0\n":
        return Check("start", "ok", "A native process was started, reported its status and wrote its output")
    return Check("start", "error", f"A trial process ended as {ended!r} instead of with status {_TRIAL_CODE}")


def _await_end(executor: Executor, handle: Handle) -> object:
    descriptor = executor.watch_fd(handle)
    if descriptor is not None:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        poller.poll(_TRIAL_SECONDS * 1000)
    ended = executor.poll(handle)
    if ended is None:
        executor.stop(handle, reason="terminated", detail="check", who="system", why="trial took too long", grace=0)
        ended = executor.poll(handle)
    return ended


def _process_table() -> Check:
    if Path("/proc/1/stat").exists():
        return Check("processes", "ok", "All processes of this host can be seen, so whole jobs can be stopped")
    return Check(
        "processes",
        "warning",
        "Other accounts' processes are hidden (/proc is mounted with hidepid): programs that a job starts under "
        "another account cannot be stopped; mount /proc with hidepid=0 for the executor's group",
    )


def _profile(profile: sandbox.Profile) -> Check:
    missing = sandbox.missing_tools(profile)
    if not missing:
        return Check(f"sandbox {profile}", "ok", f"The sandbox profile {profile} can be used")
    return Check(
        f"sandbox {profile}",
        "warning",
        f"Applications with the sandbox profile {profile} cannot run here: install {', '.join(missing)}",
    )
