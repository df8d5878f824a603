"""Executors that are killed, or stopped for a while, and go on under their names until all jobs have ended."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.b7.work import executor_command

LOOK_SECONDS = 0.5
PAUSE_SECONDS = 30.0
STALLED_SECONDS = 240.0


class Stalled(Exception):
    """Nothing ends any more although executors are at work."""


class Executors:
    """Executor processes by name; each has its spool by its name, so whoever comes back finds what it left."""

    def __init__(self, names: list[str], environment: dict[str, str], logs: Path) -> None:
        self._environment, self._logs = environment, logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.names = names
        self._stopped: dict[str, float] = {}
        self.kills = 0
        self.pauses = 0
        self.unexpected_ends = 0

    def start(self, name: str) -> None:
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                executor_command(name), env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def awake(self) -> list[str]:
        """Those that are not stopped; there is always one."""
        return [name for name in self.names if name not in self._stopped]

    def look_after(self) -> None:
        """Start again whoever ended by itself, which none of them should, and wake whoever was stopped long enough."""
        for name, until in list(self._stopped.items()):
            if time.monotonic() >= until:
                self._wake(name)
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.unexpected_ends += 1
                self.start(name)

    def pause(self, name: str, seconds: float) -> None:
        """Stop it as a host that hangs would, beyond its lease."""
        self._running[name].send_signal(signal.SIGSTOP)
        self._stopped[name] = time.monotonic() + seconds
        self.pauses += 1

    def crash(self, name: str) -> None:
        self._stopped.pop(name, None)
        process = self._running[name]
        process.kill()
        process.wait()
        self.kills += 1
        self.start(name)

    def calm_down(self, is_tidy: Callable[[], bool], patience: float) -> None:
        """Wake all, and let them clear away what accidents have left; whether they do so is for the caller to see."""
        for name in list(self._stopped):
            self._wake(name)
        deadline = time.monotonic() + patience
        while not is_tidy() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def _wake(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGCONT)
        del self._stopped[name]

    def stop(self) -> None:
        """End all of them in order, as an administrator would."""
        for name in list(self._stopped):
            self._wake(name)
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Chaos:
    """Kills at random moments, and blows against the database when a certain share of the jobs has ended."""

    def __init__(
        self, executors: Executors, blows: dict[str, Callable[[], None]], *, kill_every: float, pauses: int, seed: int
    ) -> None:
        self._executors = executors
        self._dice = random.Random(seed)
        self._kill_every = kill_every
        self._pauses = [share - 0.5 / (pauses + 1) for share in _shares(pauses)]
        self._blows = [
            (share, name, blow) for share, (name, blow) in zip(_shares(len(blows)), blows.items(), strict=True)
        ]
        self.dealt: list[str] = []

    def rage(self, progress: Callable[[], tuple[int, int]], patience: float) -> None:
        """Go on until nothing is left; `progress` tells (ended, waiting or running). Raises Stalled."""
        deadline = time.monotonic() + patience
        last_ended, last_change = -1, time.monotonic()
        next_kill = self._next_kill()
        while True:
            ended, left = progress()
            now = time.monotonic()
            if not left:
                return
            if ended != last_ended:
                last_ended, last_change = ended, now
            if now > deadline or now - last_change > STALLED_SECONDS:
                raise Stalled(f"{left} jobs have not ended, the last change was {now - last_change:.0f} s ago")
            if self._blows and ended / (ended + left) >= self._blows[0][0]:
                _share, name, blow = self._blows.pop(0)
                blow()
                self.dealt.append(name)
            self._executors.look_after()
            awake = self._executors.awake
            if self._pauses and ended / (ended + left) >= self._pauses[0]:
                del self._pauses[0]
                self._executors.pause(self._dice.choice(awake), PAUSE_SECONDS)
            elif now >= next_kill:
                self._executors.crash(self._dice.choice(awake))
                next_kill = self._next_kill()
            time.sleep(min(LOOK_SECONDS, max(0.0, next_kill - time.monotonic())))

    def _next_kill(self) -> float:
        wait = self._kill_every * self._dice.uniform(0.3, 1.7) if self._kill_every else float("inf")
        return time.monotonic() + wait


def _shares(count: int) -> list[float]:
    return [(n + 1) / (count + 1) for n in range(count)]


def leftover_processes(tmp: Path) -> int:
    """How many processes still carry the environment of one of our jobs."""
    mine = f"MULTIFLEXI_TMP={tmp}/job-".encode()
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            found += any(word.startswith(mine) for word in words)
    return found
