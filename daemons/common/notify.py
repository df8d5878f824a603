"""Tell the service manager how we are: the datagrams of sd_notify(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping


class ServiceManager:
    """The manager behind NOTIFY_SOCKET; without one every call does nothing.

    ``watchdog_seconds`` is the longest silence it accepts, None when it does not watch.
    """

    def __init__(
        self, environment: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._clock = clock
        self._status = ""
        self._next_ping = 0.0
        self.watchdog_seconds = _watchdog(environment)

    def ready(self) -> None:
        """Start-up, or reloading, is complete."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Settings are being read again; ``ready`` ends this."""
        # Type=notify-reload wants the moment to tell this message from earlier ones.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The orderly end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for people; sent only when it changed."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def alive(self) -> None:
        """Feed the watchdog; cheap enough for every cycle."""
        if self.watchdog_seconds and self._clock() >= self._next_ping:
            self._next_ping = self._clock() + self.watchdog_seconds / 4
            self._send("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """Ask for more time before a stop counts as hung."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the null byte of an abstract socket.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(message.encode(), address)
        except OSError:
            # The manager is restarting or has a full queue; the next message tells it.
            return


def _watchdog(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1_000_000 if microseconds.isdecimal() and int(microseconds) else None
