"""Try out on this host what native jobs need."""

from __future__ import annotations

import select
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from multiflexi.executors.contract import Check, Ended, Handle, Launch, Profile, Sandbox, StartFailed, StartRefused
from multiflexi.executors.native import account, sandbox
from multiflexi.executors.native.groups import WANTED
from multiflexi.executors.native.wrapper import SHELL
from multiflexi.jobs.spool import SpoolDir

if TYPE_CHECKING:
    from multiflexi.executors.native.module import Native

_TRIAL_SECONDS = 10
_TRIAL_CODE = 7


def run(native: Native, run_as: str | None) -> list[Check]:
    """Report whether a start works as promised, which sandbox profiles this host serves, and who enforces limits."""
    found = [_trial(native), _process_table(), *(_profile(profile) for profile in ("restricted", "isolated"))]
    return [*found, _groups(native), *([_account(run_as)] if run_as else [])]


def _trial(native: Native) -> Check:
    """Start a real job and compare status, output and environment with what was asked for."""
    with tempfile.TemporaryDirectory(prefix="mf-check-") as root:
        launch = _launch(root, [SHELL, "-c", f'echo "$MULTIFLEXI_JOB_ID"; exit {_TRIAL_CODE}'])
        try:
            handle = native.start(native.prepare(launch))
            ended = _await_end(native, handle)
            output = launch.spool.stdout.read_bytes()
            native.cleanup(handle)
        except (StartFailed, StartRefused, OSError) as error:
            return Check("start", "error", f"A native process could not be started: {error}")
    if isinstance(ended, Ended) and ended.exit_code == _TRIAL_CODE and output == b"0\n":
        return Check("start", "ok", "A native process was started, reported its status and wrote its output")
    return Check("start", "error", f"A trial process ended as {ended!r} instead of with status {_TRIAL_CODE}")


def _launch(root: str, argv: list[str], profile: Profile = "none") -> Launch:
    spool, job_dir = SpoolDir(Path(root, "spool", "check", "job-0-1")), Path(root, "jobs", "job-0-1")
    spool.path.mkdir(mode=0o700, parents=True)
    job_dir.mkdir(mode=0o700, parents=True)
    return Launch(0, 1, argv, {"MULTIFLEXI_JOB_ID": "0"}, job_dir, spool, sandbox=Sandbox(profile))


def _await_end(native: Native, handle: Handle) -> object:
    descriptor = native.watch_fd(handle)
    if descriptor is not None:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        poller.poll(_TRIAL_SECONDS * 1000)
    ended = native.poll(handle)
    if ended is None:
        native.stop(handle, reason="terminated", detail="check", who="system", why="trial took too long", grace=0)
        ended = native.poll(handle)
    return ended


def _process_table() -> Check:
    if Path("/proc/1/stat").exists():
        return Check("processes", "ok", "All processes of this host can be seen, so whole jobs can be stopped")
    return Check(
        "processes",
        "warning",
        "Other accounts' processes are hidden (/proc is mounted with hidepid): programs that a job starts under "
        "another account cannot be stopped",
        "Mount /proc with hidepid=0 for the executor's group",
    )


def _profile(profile: Profile) -> Check:
    """Build the walls for nothing; what the system has against them is the finding."""
    with tempfile.TemporaryDirectory(prefix="mf-check-") as root:
        try:
            sandbox.words(_launch(root, [SHELL], profile))
        except StartRefused as refusal:
            return Check(f"sandbox {profile}", "warning", *_told(refusal))
    return Check(f"sandbox {profile}", "ok", f"The sandbox profile {profile} can be used")


def _groups(native: Native) -> Check:
    found = native.delegated
    if found is None:
        return Check(
            "control groups",
            "warning",
            "No control group is delegated: memory is limited per process, processes are counted about once a second, "
            "CPU limits are not enforced, and processes that shake off every mark of their job are not found",
            "Set Delegate=yes and DelegateSubgroup= in a drop-in of the unit (systemd 254), or NATIVE_CONTROL_GROUP",
        )
    missing = [name for name in WANTED if name not in found.controllers]
    if missing:
        return Check(
            "control groups",
            "warning",
            f"Jobs get control groups below {found.path}, but without the controllers {', '.join(missing)}",
            "Set DelegateSubgroup= in a drop-in of the unit (systemd 254), so that processes are in no group above",
        )
    return Check("control groups", "ok", f"Jobs get control groups below {found.path}")


def _account(name: str) -> Check:
    try:
        if name != "company":
            account.words(name)
        elif missing := account.missing_capabilities():
            return Check(
                "account", "error", f"The executor lacks {', '.join(missing)} to run jobs under other accounts"
            )
    except StartRefused as refusal:
        return Check("account", "error", *_told(refusal))
    return Check("account", "ok", "Jobs can be run under the accounts that NATIVE_RUN_AS names")


def _told(refusal: StartRefused) -> tuple[str, str]:
    """Finding and way out; the texts of refusals part them by their last colon."""
    problem, colon, hint = str(refusal).rpartition(": ")
    return (problem, hint[:1].upper() + hint[1:]) if colon else (hint, "")
