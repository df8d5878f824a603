"""The native executor behind the common contract. One instance belongs to one thread."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from multiflexi.executors.contract import (
    Alive,
    Check,
    Ended,
    Handle,
    Launch,
    NeverStarted,
    Plan,
    StopState,
    Unknown,
    Usage,
)
from multiflexi.executors.native import checks, launch, process, recover, stop, wrapper
from multiflexi.executors.native.stop import Stop
from multiflexi.jobs.spool import ExitStatus, SpoolDir


@dataclass
class _Watched:
    """What this process knows about a job; `status` and `usage` once it was collected as our child."""

    own: bool
    descriptor: int | None = None
    ended: bool = False
    status: int | None = None
    usage: Usage | None = None
    stop: Stop | None = None


class Native:
    """Run applications as processes of this host, each under the constant wrapper."""

    name = "Native"

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}

    def usable_for(self, app: Any) -> tuple[bool, str]:
        """Say that every application can be tried here; whether its executable exists is known per job only."""
        return True, ""

    def self_check(self) -> list[Check]:
        """Try a start on this host and look for the tools of the sandbox profiles."""
        return checks.run(Native())

    def prepare(self, launch_: Launch) -> Plan:
        """Check command, executable, environment and sandbox. Raises StartRefused with 126, 127 or 255."""
        return launch.prepare(launch_)

    def start(self, plan: Plan) -> Handle:
        """Start the wrapper; see `launch.spawn` for the errors. The handle names exactly this process."""
        pid = launch.spawn(plan)
        self._watched[plan.handle["name"]] = _Watched(own=True)
        # Nobody else collects our child, so it is there to be looked at even if it has ended already.
        found = process.look(pid)
        return {**plan.handle, "pid": pid, "pid_started": found.started if found else None}

    def poll(self, handle: Handle) -> Ended | NeverStarted | Unknown | None:
        """Ask whether the job goes on: None while it does, and until a stop has proven that nothing is left."""
        watched = self._watch(handle)
        if not self._has_ended(handle, watched):
            return None
        if watched.stop is not None and not watched.stop.advance().done:
            return None
        return self._conclude(handle, watched)

    def watch_fd(self, handle: Handle) -> int | None:
        """Give a descriptor that becomes readable at the end of the wrapper, also when it is not our child.

        None when the wrapper is gone or descriptors have run out: poll then. The descriptor belongs to this module
        until `cleanup`. After `stop` go by `stop_progress` instead, because processes may outlive the wrapper.
        """
        watched = self._watch(handle)
        if watched.descriptor is None and handle["pid"] is not None:
            with contextlib.suppress(OSError):
                watched.descriptor = process.open_descriptor(handle["pid"], handle["pid_started"])
        return watched.descriptor

    def stop(self, handle: Handle, *, reason: str, detail: str, who: str, why: str, grace: float | None) -> StopState:
        """Note the reason durably, then send SIGTERM to the whole job; SIGKILL after `grace` seconds, None = never.

        `reason` is timeout or terminated, `detail` the failure reason of the job. Asked again, the first reason
        stays and the earlier deadline holds. A job that has already ended by itself is left alone.
        """
        spool = SpoolDir(handle["spool"])
        if handle["pid"] is None and self.poll(handle) is not None:
            return StopState(True)
        watched = self._watch(handle)
        if watched.stop is None and spool.read_exit() is not None:
            return StopState(True)
        note = stop.new_note(reason, detail, who, why, grace)
        current = self._stop_under_way(handle, watched)
        if current is None:
            current = watched.stop = Stop(handle, note)
        else:
            current.shorten(note)
        stop.write_note(spool, current.note)
        current.tree.ask_to_end()
        return self.stop_progress(handle)

    def stop_progress(self, handle: Handle) -> StopState:
        """Do the next due step of a stop, also of one a previous executor began; never waits."""
        watched = self._watch(handle)
        current = self._stop_under_way(handle, watched)
        if current is None:
            return StopState(self._has_ended(handle, watched))
        return current.advance()

    def recover(self, handle: Handle) -> Alive | Ended | NeverStarted | Unknown:
        """Conclude from evidence what became of the job; Alive carries the completed handle."""
        return recover.recover(handle)

    def collect(self, handle: Handle) -> Path:
        """Name the job directory: a native job has written its results there itself."""
        return Path(handle["job_dir"])

    def cleanup(self, handle: Handle) -> None:
        """Forget the job; may be repeated. Its directories belong to the runner, a native job leaves nothing else."""
        watched = self._watched.pop(handle["name"], None)
        if watched is not None and watched.descriptor is not None:
            os.close(watched.descriptor)

    def running_seconds(self, handle: Handle) -> float:
        """Seconds since the start by the boot clock; 0 while the start is unknown."""
        return process.age(handle["pid_started"]) if handle["pid_started"] is not None else 0.0

    def _watch(self, handle: Handle) -> _Watched:
        return self._watched.setdefault(handle["name"], _Watched(own=False))

    def _stop_under_way(self, handle: Handle, watched: _Watched) -> Stop | None:
        if watched.stop is None:
            note = SpoolDir(handle["spool"]).read_kill_note()
            if note is not None:
                watched.stop = Stop(handle, note)
        return watched.stop

    def _has_ended(self, handle: Handle, watched: _Watched) -> bool:
        if not watched.ended:
            watched.ended = self._collect_child(handle, watched) if watched.own else _foreign_ended(handle, watched)
        return watched.ended

    def _collect_child(self, handle: Handle, watched: _Watched) -> bool:
        try:
            pid, status, used = os.wait4(handle["pid"], os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return False
        watched.status = status
        watched.usage = Usage(used.ru_utime + used.ru_stime, used.ru_maxrss, self.running_seconds(handle))
        return True

    def _conclude(self, handle: Handle, watched: _Watched) -> Ended | NeverStarted | Unknown | None:
        spool = SpoolDir(handle["spool"])
        note = watched.stop.note if watched.stop else spool.read_kill_note()
        status = spool.read_exit() or _status_of_wrapper(handle, spool, watched)
        if status is not None:
            return recover.ended(status, note, watched.usage)
        if note is not None:
            return recover.ended_by_us(note, watched.usage)
        if _could_not_write_mark(spool, watched):
            return NeverStarted()
        concluded = recover.recover(handle, usage=watched.usage)
        if isinstance(concluded, Alive):
            # Ours was not the wrapper that got the start mark, or its pid was not known until now.
            handle.update(concluded.handle)
            self._watched[handle["name"]] = _Watched(own=False)
            return None
        return concluded


def _status_of_wrapper(handle: Handle, spool: SpoolDir, watched: _Watched) -> ExitStatus | None:
    """Take the status from the wrapper's own end when a full disk or a deleted spool swallowed the exit file."""
    if watched.status is None or not os.WIFEXITED(watched.status):
        return None
    code, mark = os.WEXITSTATUS(watched.status), spool.read_start()
    vanished = not spool.readable() and code not in (wrapper.NO_MARK, wrapper.NO_DIRECTORY)
    if vanished or (mark is not None and mark.pid == handle["pid"]):
        return ExitStatus(code, datetime.now(UTC))
    return None


def _could_not_write_mark(spool: SpoolDir, watched: _Watched) -> bool:
    """Say whether our wrapper created the mark but had no room to write into it; it then starts nothing."""
    mark = spool.read_start()
    refused = watched.status is not None and os.waitstatus_to_exitcode(watched.status) == wrapper.NO_MARK
    return refused and mark is not None and mark.pid is None


def _foreign_ended(handle: Handle, watched: _Watched) -> bool:
    if watched.descriptor is not None:
        return process.has_ended(watched.descriptor)
    return handle["pid"] is None or not process.is_alive(handle["pid"], handle["pid_started"])
