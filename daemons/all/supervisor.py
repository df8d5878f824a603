"""Keep several daemons running as child processes and pass on what people ask for."""

from __future__ import annotations

import logging
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from daemons.common.backoff import Backoff
from daemons.common.signals import Signals

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
SETTLED_SECONDS = 10.0
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Child:
    """One daemon: its command, and the process that runs it at the moment."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    again_at: float = 0.0
    settled: bool = False
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Starts daemons, starts those again that die, and ends when they have ended after a request to stop.

    SIGINT, SIGTERM and SIGUSR1 are passed on as they are, so a second SIGINT kills where the first one drains.
    SIGHUP is passed on, too, unless `hangup_stops`: then the terminal is gone, and it asks to stop.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        environment: Mapping[str, str] | None = None,
        hangup_stops: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._children = [Child(name, command) for name, command in commands.items()]
        self._environment = environment
        self._hangup_stops = hangup_stops
        self._clock = clock
        self._stopping = False
        self._status = 0

    def run(self) -> int:
        """Run until all children have ended; the first exit status of a child that was not 0, else 0."""
        with Signals() as signals:
            for child in self._children:
                self._start(child)
            while self._look():
                select.select([signals], [], [], LOOK_SECONDS)
                for number in signals.take():
                    self._pass_on(number)
        return self._status

    def _look(self) -> bool:
        """See which children have ended and start those again that should run; False when nothing is left."""
        for child in self._children:
            if child.process and (status := child.process.poll()) is not None:
                child.process = None
                self._ended(child, status)
            elif not child.process and not self._stopping and self._clock() >= child.again_at:
                self._start(child)
        return any(child.process for child in self._children) or not self._stopping

    def _start(self, child: Child) -> None:
        # A group of its own, or the terminal's Ctrl-C would reach the child a second time, past this process.
        child.process = subprocess.Popen(
            child.command, stdin=subprocess.DEVNULL, env=self._environment, process_group=0
        )
        child.started = self._clock()

    def _ended(self, child: Child, status: int) -> None:
        ran = self._clock() - child.started
        child.settled = child.settled or ran >= SETTLED_SECONDS
        if self._stopping:
            self._status = self._status or max(status, 0)
        elif status > 0 and not child.settled:
            log.error("the %s does not start (exit status %d), so everything stops", child.name, status)
            self._status = status
            self._pass_on(signal.SIGTERM)
        else:
            if ran >= SETTLED_SECONDS:
                child.backoff.reset()
            pause = child.backoff.next()
            log.warning("the %s ended (%s) and is started again in %.1f s", child.name, _how(status), pause)
            child.again_at = self._clock() + pause

    def _pass_on(self, number: int) -> None:
        if number == signal.SIGHUP and self._hangup_stops:
            number = signal.SIGTERM
        self._stopping = self._stopping or number in STOPPING_SIGNALS
        for child in self._children:
            if child.process:
                child.process.send_signal(number)


def _how(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def daemon_commands(names: Sequence[str]) -> dict[str, list[str]]:
    """The commands that run these daemons with this Python."""
    return {name: [sys.executable, "-m", f"daemons.{name}", "--daemon"] for name in names}
