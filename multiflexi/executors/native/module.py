"""The native executor behind the common contract. One instance belongs to one thread."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
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
from multiflexi.executors.native import checks, groups, launch, process, recover, stop, usage, wrapper
from multiflexi.executors.native.groups import Delegated
from multiflexi.executors.native.stop import Stop
from multiflexi.executors.native.tree import Table, Tree, scan
from multiflexi.jobs.spool import ExitStatus, SpoolDir

_OUT_OF_MEMORY, _FILE_LIMIT, _OUTPUT_LIMIT = "out_of_memory", "file_limit", "output_limit"
_COUNT_AGE = 0.5
# While a process is being loaded, a look at it waits; nobody needs to know its start time so soon.
_SETTLED = 0.1
_THOROUGH_AFTER = 5.0
_LEFTOVER_GRACE = 1.0

logger = logging.getLogger(__name__)


@dataclass
class _Watched:
    """What this process knows about a job; `status` and `usage` once it was collected as our child.

    `began` is the boot clock at our own start of it. `sweep` ends what an application left behind.
    """

    own: bool
    began: float = 0.0
    descriptor: int | None = None
    ended: bool = False
    status: int | None = None
    usage: Usage | None = None
    stop: Stop | None = None
    sweep: Stop | None = None
    swept: bool = False
    tree: Tree | None = None


class Native:
    """Run applications as processes of this host, each under the constant wrapper."""

    name = "Native"

    def __init__(self, *, use_groups: bool = True, group: Path | None = None, run_as: str | None = None) -> None:
        self._watched: dict[str, _Watched] = {}
        self._use_groups, self._group, self._run_as = use_groups, group, run_as
        self._table: tuple[float, Table] | None = None
        self._oom_kills = groups.own_oom_kills()
        self._unremoved: set[Path] = set()

    @cached_property
    def delegated(self) -> Delegated | None:
        """The control group below which jobs get theirs; None = they get none."""
        return groups.find(self._group) if self._use_groups else None

    def usable_for(self, app: Any) -> tuple[bool, str]:
        """Say that every application can be tried here; whether its executable exists is known per job only."""
        return True, ""

    def self_check(self) -> list[Check]:
        """Try a start on this host and look for the tools of the sandbox profiles."""
        return checks.run(Native(use_groups=self._use_groups, group=self._group), self._run_as)

    def prepare(self, launch_: Launch) -> Plan:
        """Check command, executable, environment and sandbox. Raises StartRefused with 126, 127 or 255."""
        return launch.prepare(launch_, self.delegated)

    def start(self, plan: Plan) -> Handle:
        """Start the wrapper; see `launch.spawn` for the errors. The handle names exactly this process.

        Its start time is looked up by the first `poll` that finds it running for a while: nobody else collects our
        child, so until then the number alone is proof, and most short jobs have ended by that time.
        """
        pid = launch.spawn(plan)
        self._watched[plan.handle["name"]] = _Watched(own=True, began=process.boot_seconds())
        return {**plan.handle, "pid": pid}

    def poll(self, handle: Handle) -> Ended | NeverStarted | Unknown | None:
        """Ask whether the job goes on: None while it does, and until it is proven that nothing is left of it."""
        watched = self._watch(handle)
        if not self._has_ended(handle, watched):
            return None
        if watched.stop is not None:
            if not watched.stop.advance().done:
                return None
        elif not self._is_swept(handle, watched):
            return None
        return self._conclude(handle, watched)

    def watch_fd(self, handle: Handle) -> int | None:
        """Give a descriptor that becomes readable at the end of the wrapper, also when it is not our child.

        None when the wrapper is gone or descriptors have run out: poll then. The descriptor belongs to this module
        until `cleanup`. After `stop` go by `stop_progress` instead, because processes may outlive the wrapper.
        """
        watched = self._watch(handle)
        if watched.ended:
            return None
        if watched.descriptor is None and handle["pid"] is not None:
            with contextlib.suppress(OSError):
                watched.descriptor = (
                    os.pidfd_open(handle["pid"])
                    if watched.own
                    else process.open_descriptor(handle["pid"], handle["pid_started"])
                )
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
        _identify(handle, watched)
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
        """Forget the job and remove its control group; may be repeated. Its directories belong to the runner."""
        watched = self._watched.pop(handle["name"], None)
        if watched is not None and watched.descriptor is not None:
            os.close(watched.descriptor)
        group = groups.of(handle)
        if group is not None:
            # A group cannot go while the last process in it is still dying; the next cleanup tries again.
            self._unremoved = {path for path in self._unremoved | {group} if not groups.remove(path)}

    def count_processes(self, handle: Handle) -> int:
        """Living processes of the job; the look at the host is shared by all jobs that are counted at a time."""
        group = groups.of(handle)
        if group is not None:
            return len(groups.members(group))
        now = time.monotonic()
        if self._table is None or now - self._table[0] > _COUNT_AGE:
            self._table = now, scan()
        watched = self._watch(handle)
        _identify(handle, watched)
        watched.tree = watched.tree or Tree(handle)
        return len(watched.tree.members(self._table[1]))

    def running_seconds(self, handle: Handle) -> float:
        """Seconds since the start by the boot clock; 0 while the start is unknown."""
        watched = self._watch(handle)
        if watched.own:
            return process.boot_seconds() - watched.began
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
            if process.boot_seconds() - watched.began > _SETTLED:
                _identify(handle, watched)
            return False
        watched.status = status
        watched.usage = usage.of_child(handle, used, self.running_seconds(handle))
        return True

    def _is_swept(self, handle: Handle, watched: _Watched) -> bool:
        """End what the application left behind: no limit and no sandbox of a job is worth much beyond its end.

        Those that left the process group are looked for only behind jobs that ran longer than the look takes.
        """
        if watched.swept:
            return True
        if watched.sweep is None:
            thorough = self.running_seconds(handle) >= _THOROUGH_AFTER
            if not Tree(handle).remains(thorough=thorough):
                watched.swept = True
                return True
            note = stop.new_note("terminated", "leftover", "system", "the application has ended", _LEFTOVER_GRACE)
            watched.sweep = Stop(handle, note)
            watched.sweep.tree.ask_to_end()
            logger.warning("the application of %s left processes behind, which are ended", handle["name"])
        watched.swept = watched.sweep.advance().done
        return watched.swept

    def _conclude(self, handle: Handle, watched: _Watched) -> Ended | NeverStarted | Unknown | None:
        spool = SpoolDir(handle["spool"])
        note = watched.stop.note if watched.stop else spool.read_kill_note()
        status = spool.read_exit() or _status_of_wrapper(handle, spool, watched)
        if status is not None:
            return self._with_cause(handle, recover.ended(handle, status, note, watched.usage))
        if note is not None:
            return recover.ended_by_us(handle, note, watched.usage)
        if _could_not_write_mark(spool, watched):
            return NeverStarted()
        concluded = recover.recover(handle, usage=watched.usage)
        if isinstance(concluded, Alive):
            # Ours was not the wrapper that got the start mark, or its pid was not known until now.
            handle.update(concluded.handle)
            self._watched[handle["name"]] = _Watched(own=False)
            return None
        return concluded

    def _with_cause(self, handle: Handle, ended: Ended) -> Ended:
        """Tell a death for a limit from other ones: by its signal, and for memory by the counters of the groups."""
        if ended.kill_note is None and ended.signal == signal.SIGXFSZ:
            return replace(ended, cause=_cause_of_size(handle))
        if ended.kill_note is not None or ended.signal != signal.SIGKILL:
            return ended
        group = groups.of(handle)
        if group is not None and groups.oom_kills(group):
            return replace(ended, cause=_OUT_OF_MEMORY)
        if groups.own_oom_kills() > self._oom_kills:
            # Without groups of their own all jobs share one counter; each increase explains one death.
            self._oom_kills += 1
            return replace(ended, cause=_OUT_OF_MEMORY)
        return ended


def _cause_of_size(handle: Handle) -> str:
    spool, limit = SpoolDir(handle["spool"]), handle["output_limit"]
    for path in (spool.stdout, spool.stderr):
        with contextlib.suppress(OSError):
            if limit and path.stat().st_size > limit:
                return _OUTPUT_LIMIT
    return _FILE_LIMIT


def _identify(handle: Handle, watched: _Watched) -> None:
    """Complete the handle of our own child, which has not been collected yet."""
    if watched.own and not watched.ended and handle["pid_started"] is None:
        found = process.look(handle["pid"])
        handle["pid_started"] = found.started if found else None


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
