"""Find and end all processes of a job, also those that try to get away.

The reach: the job's control group where it has one, which nothing escapes by forking; and always the wrapper's process
group, its session, descendants, and processes whose environment carries this job's id. What was seen once stays known,
even after it was handed to another parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from multiflexi.executors.contract import Handle
from multiflexi.executors.native import groups, process
from multiflexi.executors.native.process import Process

_BETWEEN_LOOKS = 0.01
_WALL_KEEPER = b"bwrap"


class Table(dict[int, Process]):
    """All processes of this pid namespace at one moment; environments are read when they are asked for, and once."""

    def __init__(self, found: Iterable[Process]) -> None:
        super().__init__((one.pid, one) for one in found)
        self._environments: dict[int, dict[bytes, bytes]] = {}

    def environment(self, pid: int) -> dict[bytes, bytes]:
        if pid not in self._environments:
            self._environments[pid] = process.environment(pid)
        return self._environments[pid]


class Tree:
    """All processes of one job but its wrapper; keeps in mind what it has seen."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.control_group = groups.of(handle)
        self._seen: set[tuple[int, int]] = set()
        self._group_confirmed = False

    def members(self, table: Table | None = None) -> list[Process]:
        """Look for the living processes of the job, without the wrapper, the executor and its ancestors."""
        table = scan() if table is None else table
        wrapper, spared = self._wrapper_pid(table), _untouchable(table)
        chosen = {pid for pid, found in table.items() if pid not in spared and self._belongs(found, table)}
        if self.control_group is not None:
            chosen |= (groups.members(self.control_group) & table.keys()) - spared
        _add_descendants(chosen, table, spared, wrapper)
        chosen.discard(wrapper or 0)
        living = [table[pid] for pid in chosen if not table[pid].dead]
        self._seen.update((found.pid, found.started) for found in living)
        ours = any(found.group == self.handle["pid"] for found in living)
        self._group_confirmed = self._group_confirmed or wrapper is not None or ours
        return living

    def wrapper(self, table: Table | None = None) -> Process | None:
        """Look for the living wrapper."""
        pid = self.handle["pid"]
        found = None if pid is None else (process.look(pid) if table is None else table.get(pid))
        return found if found and found.started == self.handle["pid_started"] and not found.dead else None

    def ask_to_end(self) -> None:
        """Send SIGTERM to every process of the job; stopped ones are continued, else they could not obey."""
        table = scan()
        members = self.members(table)
        wrapper = self.wrapper(table)
        if self.handle.get("walled"):
            # Bubblewrap would die of it and take the application along, which is to have its time.
            members = [found for found in members if process.name(found.pid) != _WALL_KEEPER]
        elif wrapper is not None:
            # One call reaches the whole group at once, whatever forks meanwhile; the wrapper outlives it.
            _signal_group(wrapper.pid, signal.SIGTERM)
            _signal_group(wrapper.pid, signal.SIGCONT)
            members = [found for found in members if found.group != wrapper.pid]
        for found in members:
            process.send(found, signal.SIGTERM)
            process.send(found, signal.SIGCONT)

    def kill(self, *, wrapper_too: bool) -> int:
        """Send SIGKILL to every process of the job and return how many were there, the wrapper included.

        The wrapper is spared at first, because it reports the true status once the others are gone. Then its group is
        signalled before the look: a process that keeps forking and ending is never where one looks, but a signal to
        the group stops it, and the look finds it dying.
        """
        wrapper = self.wrapper()
        if self.control_group is not None:
            groups.kill(self.control_group)
        if wrapper_too or wrapper is None:
            self._kill_group()
        members = self.members()
        for found in members:
            process.send(found, signal.SIGKILL)
        # A wrapper that ends during the look counts: its group was not signalled, so the look proves nothing yet.
        left = len(members) + int(wrapper is not None)
        return left or int(self._is_populated())

    def remains(self, *, thorough: bool) -> bool:
        """Say whether anything is left of a job whose wrapper has ended.

        Without a control group only the wrapper's process group is asked about, which costs nothing; `thorough` looks
        at every process of the host.
        """
        if self._is_populated():
            return True
        return self._group_lives() or (thorough and bool(self.members()))

    def kill_until_gone(self, patience: float) -> bool:
        """Kill all, the wrapper included, and wait until they are gone, at most `patience` seconds."""
        deadline = time.monotonic() + patience
        while self.kill(wrapper_too=True):
            if time.monotonic() > deadline:
                return False
            time.sleep(_BETWEEN_LOOKS)
        return True

    def _kill_group(self) -> None:
        """Signal the wrapper's group if it was seen to be ours and its number leads no foreign group by now."""
        leader = process.look(self.handle["pid"] or 0)
        if self._group_confirmed and (leader is None or leader.started == self.handle["pid_started"]):
            _signal_group(self.handle["pid"], signal.SIGKILL)

    def _group_lives(self) -> bool:
        """Whether the wrapper's process group has members, as long as its number leads no foreign group."""
        pid = self.handle["pid"]
        if not pid:
            return False
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        leader = process.look(pid)
        return leader is None or leader.started == self.handle["pid_started"]

    def _is_populated(self) -> bool:
        return self.control_group is not None and groups.is_populated(self.control_group)

    def _wrapper_pid(self, table: Table) -> int | None:
        """Pid of the wrapper as long as the number is still its own, also as a zombie."""
        found = table.get(self.handle["pid"] or 0)
        return found.pid if found and found.started == self.handle["pid_started"] else None

    def _belongs(self, found: Process, table: Table) -> bool:
        if (found.pid, found.started) in self._seen:
            return True
        pid = self.handle["pid"]
        if pid and pid in (found.session, found.group):
            # With the wrapper gone its number may lead a foreign session by now, so more evidence is asked for.
            proven = self._wrapper_pid(table) is not None
            return proven or self._carries_id(found, table) or self._touches_files(found)
        return self._carries_id(found, table)

    def _carries_id(self, found: Process, table: Table) -> bool:
        env = table.environment(found.pid)
        if env.get(b"MULTIFLEXI_JOB_ID") != str(self.handle["job_id"]).encode():
            return False
        # Another installation on this host counts its jobs too; the directory tells them apart.
        return env.get(b"MULTIFLEXI_TMP") in (None, os.fsencode(self.handle["job_dir"]))

    def _touches_files(self, found: Process) -> bool:
        ours = (self.handle["spool"], self.handle["job_dir"])
        for link in ("cwd", "fd/1", "fd/2"):
            with contextlib.suppress(OSError):
                target = str(Path(f"/proc/{found.pid}/{link}").readlink())
                if any(target == path or target.startswith(f"{path}/") for path in ours):
                    return True
        return False


def scan() -> Table:
    """Take a picture of all processes of this pid namespace."""
    return Table(_all_processes())


def _all_processes() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            found = process.look(int(entry.name))
            if found is not None:
                yield found


def _add_descendants(chosen: set[int], table: Table, spared: set[int], wrapper: int | None) -> None:
    children: dict[int, list[int]] = {}
    for found in table.values():
        children.setdefault(found.parent, []).append(found.pid)
    waiting = [*chosen, wrapper] if wrapper else [*chosen]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if pid not in chosen and pid not in spared:
                chosen.add(pid)
                waiting.append(pid)


def _untouchable(table: Table) -> set[int]:
    """This process, its ancestors and the first process of the system, whatever they carry."""
    spared, pid = {1}, os.getpid()
    while pid > 1 and pid not in spared:
        spared.add(pid)
        pid = table[pid].parent if pid in table else 1
    return spared


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
