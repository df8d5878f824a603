"""Find out from evidence what became of a started job; nothing is guessed, and what is not proven is said so.

One deviation from a plain reading of the evidence: after another boot of the kernel a missing start mark proves
nothing, because a power cut may have swallowed it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from multiflexi.executors.contract import Alive, Ended, Handle, NeverStarted, Unknown, Usage
from multiflexi.executors.native import process, wrapper
from multiflexi.executors.native.tree import Tree
from multiflexi.executors.native.usage import of_adopted
from multiflexi.jobs.spool import TAKEN_BACK, ExitStatus, KillNote, SpoolDir, StartMark

Conclusion = Alive | Ended | NeverStarted | Unknown

_KILL_PATIENCE = 5.0
_KILLED = 137


def recover(handle: Handle, *, mark_patience: float = 5.0, usage: Usage | None = None) -> Conclusion:
    """Conclude from the spool directory and the process table; may take the start mark and kill what is left.

    `mark_patience` is how long, in seconds, an empty start mark is given to be filled.
    """
    spool = SpoolDir(handle["spool"])
    try:
        if spool.readable():
            return _conclude(handle, spool, mark_patience, usage)
    except OSError:
        pass
    # Without a spool the job is lost and may be run again elsewhere, so it must not go on here.
    Tree(handle).kill_until_gone(_KILL_PATIENCE)
    return Unknown("no_evidence")


def _ended_by_exit(handle: Handle, spool: SpoolDir, usage: Usage | None) -> Ended | None:
    status = spool.read_exit()
    if status is None:
        return None
    if handle["boot_id"] == process.boot_id():
        _sweep(_with_pid(handle, _pid_of_mark(spool)))
    return ended(handle, status, spool.read_kill_note(), usage)


def _sweep(handle: Handle) -> None:
    """End what an application left behind while no executor was there to see its end."""
    tree = Tree(handle)
    if tree.remains(thorough=True):
        tree.kill_until_gone(_KILL_PATIENCE)


def _pid_of_mark(spool: SpoolDir) -> int | None:
    mark = spool.read_start()
    return mark.pid or None if mark else None


def ended(handle: Handle, status: ExitStatus, note: KillNote | None, usage: Usage | None) -> Ended:
    """Put an end together from the status the wrapper saw; without `usage` of our own, what others recorded counts."""
    used = usage or of_adopted(handle, status)
    return Ended(status.code, wrapper.signal_of(status.code), note, used, status.written_at)


def ended_by_us(handle: Handle, note: KillNote, usage: Usage | None) -> Ended:
    """Put an end together for a job that was killed before its wrapper could report."""
    return ended(handle, ExitStatus(_KILLED, datetime.now(UTC)), note, usage)


def _conclude(handle: Handle, spool: SpoolDir, mark_patience: float, usage: Usage | None) -> Conclusion:
    if proof := _ended_by_exit(handle, spool, usage):
        return proof
    if handle["boot_id"] != process.boot_id():
        return _after_reboot(handle, spool, usage)
    mark = _read_mark(spool, mark_patience)
    if mark is None or mark.pid == TAKEN_BACK:
        return _unstarted(handle, spool, usage)
    if mark.pid is None:
        return Unknown("no_evidence", _last_sign(spool))
    found = _wrapper_of(handle, spool, mark.pid)
    if found is not None:
        return Alive({**handle, "pid": found.pid, "pid_started": found.started})
    return _after_wrapper(_with_pid(handle, mark.pid), spool, usage)


def _after_reboot(handle: Handle, spool: SpoolDir, usage: Usage | None) -> Conclusion:
    note = spool.read_kill_note()
    if note is not None:
        return ended_by_us(handle, note, usage)
    if process.same_kernel_boot(handle["boot_id"], process.boot_id()) and spool.take_start_mark():
        return NeverStarted()
    return Unknown("host_rebooted", _last_sign(spool))


def _unstarted(handle: Handle, spool: SpoolDir, usage: Usage | None) -> Conclusion:
    note = spool.read_kill_note()
    return NeverStarted() if note is None else ended_by_us(handle, note, usage)


def _after_wrapper(handle: Handle, spool: SpoolDir, usage: Usage | None) -> Conclusion:
    # The wrapper may have written its status between the first look and its end.
    if proof := _ended_by_exit(handle, spool, usage):
        return proof
    Tree(handle).kill_until_gone(_KILL_PATIENCE)
    note = spool.read_kill_note()
    return Unknown("wrapper_gone", _last_sign(spool)) if note is None else ended_by_us(handle, note, usage)


def _read_mark(spool: SpoolDir, patience: float) -> StartMark | None:
    """Read the start mark, or take it; an empty one is given time, since its wrapper may be about to write."""
    deadline = time.monotonic() + patience
    while True:
        if spool.take_start_mark():
            return None
        mark = spool.read_start()
        if mark is None or mark.pid is not None or time.monotonic() >= deadline:
            return mark
        time.sleep(0.02)


def _with_pid(handle: Handle, pid: int | None) -> Handle:
    return handle if handle["pid"] == pid else {**handle, "pid": pid, "pid_started": None}


def _wrapper_of(handle: Handle, spool: SpoolDir, pid: int) -> process.Process | None:
    """Find the living wrapper behind a start mark; a foreign process with the same pid does not count."""
    found = process.look(pid)
    if found is None or found.dead:
        return None
    if handle["pid"] == pid and handle["pid_started"] is not None:
        return found if found.started == handle["pid_started"] else None
    return found if _looks_like_wrapper(found, handle, spool) else None


def _looks_like_wrapper(found: process.Process, handle: Handle, spool: SpoolDir) -> bool:
    """Recognise a wrapper whose start time nobody recorded: by its name and by the spool directory it holds open."""
    words = process.command(found.pid)
    if len(words) < 4 or words[3] != handle["name"].encode():
        return False
    try:
        return Path(f"/proc/{found.pid}/fd/{wrapper.SPOOL_DESCRIPTOR}").samefile(spool.path)
    except OSError:
        return False


def _last_sign(spool: SpoolDir) -> datetime | None:
    changed = [path.stat().st_mtime for path in (spool.start, spool.stdout, spool.stderr) if path.exists()]
    return datetime.fromtimestamp(max(changed), UTC) if changed else None
