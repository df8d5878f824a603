"""Start the trivial command, alone or under the platform's wrapper, and notice its end."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multiflexi.executors.native import wrapper

_DEFAULTED = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]


@dataclass
class Directories:
    """What belongs to one start: the directory of its evidence, and the one it works in."""

    spool: Path
    work: Path

    def make(self) -> None:
        self.spool.mkdir(mode=0o700)
        (self.spool / "spec").write_text('{"retryable": true}')
        self.work.mkdir(mode=0o700)

    def remove(self) -> None:
        for entry in self.spool.iterdir():
            entry.unlink()
        self.spool.rmdir()
        self.work.rmdir()


def spawn(words: Sequence[str], env: Mapping[str, str]) -> int:
    """The command alone, its output thrown away."""
    null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    return os.posix_spawn(words[0], words, env, file_actions=[null])


def spawn_wrapped(name: str, words: Sequence[str], env: Mapping[str, str], where: Directories) -> int:
    """The command under the wrapper, as the Native executor starts it."""
    return os.posix_spawn(
        wrapper.SHELL,
        wrapper.argv(name, str(where.work), words),
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_OPEN, wrapper.SPOOL_DESCRIPTOR, where.spool, os.O_RDONLY | os.O_DIRECTORY, 0),
            (os.POSIX_SPAWN_OPEN, wrapper.GROUP_DESCRIPTOR, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=_DEFAULTED,
    )


@dataclass
class Exit:
    """How a process ended and what it used."""

    pid: int
    code: int
    cpu_seconds: float
    peak_kb: int


class Children:
    """Our processes; their ends come through pid descriptors."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._pids: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._pids)

    def add(self, pid: int) -> None:
        descriptor = os.pidfd_open(pid)
        self._pids[descriptor] = pid
        self._poll.register(descriptor, select.POLLIN)

    def ended(self, seconds: float) -> list[Exit]:
        """Wait for at least one end, at most so long, and collect all that have ended."""
        found = []
        for descriptor, _event in self._poll.poll(seconds * 1000):
            pid = self._pids.pop(descriptor)
            self._poll.unregister(descriptor)
            os.close(descriptor)
            _pid, status, usage = os.wait4(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            found.append(Exit(pid, code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
        return found
