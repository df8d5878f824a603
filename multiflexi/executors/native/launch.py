"""Check a start, and start the wrapper through posix_spawn, which does not copy the executor's memory."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Iterable

from multiflexi.executors.contract import Handle, Launch, Plan, StartFailed, StartRefused
from multiflexi.executors.native import account, enforcing, groups, process, sandbox, wrapper
from multiflexi.executors.native.groups import Delegated
from multiflexi.executors.native.lookup import find_executable

# A shell cannot handle a signal that was ignored when it started, and Python ignores SIGPIPE, so all are reset.
_DEFAULTED = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]

_CLOSE_RANGE_CLOEXEC = 4
_LAST_DESCRIPTOR = 0xFFFFFFFF
# One call for all descriptors: in the C library since glibc 2.34, in the kernel since 5.11.
_close_range = getattr(ctypes.CDLL(None), "close_range", None)


def prepare(launch: Launch, delegated: Delegated | None = None) -> Plan:
    """Turn a launch into a checked plan; nothing is started. Raises StartRefused with 126, 127 or 255."""
    _refuse_unusable_words(launch)
    if not launch.job_dir.is_dir():
        raise StartRefused(255, "start_failed", f"The job directory {launch.job_dir} does not exist")
    program = find_executable(launch.argv[0], launch.env, launch.job_dir)
    env = {name: value for name, value in launch.env.items() if wrapper.passes(name)}
    held = enforcing.enforce(launch, delegated.controllers if delegated else frozenset())
    sandbox.refuse_hidden(program, launch)
    walls = sandbox.words(launch)
    account.hand_over(launch)
    return Plan(
        launch=launch,
        argv=[*held.outside, *walls, *held.inside, program, *launch.argv[1:]],
        env=env,
        handle=_handle(launch, delegated),
        warnings=(*left_out(launch.env.keys() - env.keys()), *held.warnings),
        applied=held.applied,
    )


def spawn(plan: Plan) -> int:
    """Start the wrapper and return its pid; it leads a session and group of its own.

    Raises StartFailed when resources were short and nothing runs, StartRefused (255) when it can never work.
    """
    launch = plan.launch
    _close_on_exec()
    group = groups.of(plan.handle)
    try:
        if group is not None:
            groups.create(group, launch.limits, plan.applied)
        return os.posix_spawn(
            wrapper.SHELL,
            wrapper.argv(launch.name, str(launch.job_dir), plan.argv),
            plan.env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_OPEN, wrapper.SPOOL_DESCRIPTOR, launch.spool.path, os.O_RDONLY | os.O_DIRECTORY, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    wrapper.GROUP_DESCRIPTOR,
                    group / "cgroup.procs" if group else os.devnull,
                    os.O_WRONLY,
                    0,
                ),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULTED,
        )
    except OSError as error:
        if group is not None:
            groups.remove(group)
        if error.errno == errno.E2BIG:
            raise StartRefused(
                255, "start_failed", "The command line and environment are longer than the system allows"
            ) from error
        raise StartFailed(f"The system could not start a process: {error.strerror}") from error


def left_out(names: Iterable[str]) -> Iterable[str]:
    """Warnings about variables that `wrapper.passes` does not hand over."""
    for name in sorted(names):
        yield (
            f"The variable {name} cannot be passed to a native process: rename it to letters, digits and underscores, "
            "other than those a shell sets itself"
        )


def _handle(launch: Launch, delegated: Delegated | None) -> Handle:
    return {
        "executor": "Native",
        "name": launch.name,
        "job_id": launch.job_id,
        "claim": launch.claim,
        "spool": str(launch.spool.path),
        "job_dir": str(launch.job_dir),
        "group": str(delegated.path / launch.name) if delegated else None,
        "walled": launch.sandbox.profile != "none",
        "output_limit": launch.limits.output_limit,
        "boot_id": process.boot_id(),
        "pid": None,
        "pid_started": None,
    }


def _refuse_unusable_words(launch: Launch) -> None:
    if not launch.argv or not launch.argv[0]:
        raise StartRefused(255, "start_failed", "The application has no executable")
    if any("\0" in word for word in launch.argv):
        raise StartRefused(255, "start_failed", "A word of the command contains a NUL character")
    for name, value in launch.env.items():
        if "\0" in name or "\0" in value:
            raise StartRefused(255, "start_failed", f"The variable {name!r} contains a NUL character")


def _close_on_exec() -> None:
    """Keep every open file of the executor from its jobs.

    Python opens files so already; libraries in C need not, and posix_spawn itself closes nothing.
    """
    if _close_range is None or _close_range(3, _LAST_DESCRIPTOR, _CLOSE_RANGE_CLOEXEC) != 0:
        _close_each_on_exec()


def _close_each_on_exec() -> None:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - no Path objects on the hot path
        number = int(name)
        if number > 2:
            try:
                if os.get_inheritable(number):
                    os.set_inheritable(number, False)
            except OSError:
                continue
