"""Requests over kept-open connections, as fast as answers come; run as a process of its own.

Standard input holds the plan as JSON, standard output gets milliseconds and status of every answer.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from typing import Any


def main() -> None:
    plan = json.load(sys.stdin)
    found: list[list[float]] = []
    until = time.perf_counter() + plan["seconds"] if plan.get("seconds") else None
    threads = [
        threading.Thread(target=_drive, args=(plan, number, until, found)) for number in range(plan["connections"])
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump({"seconds": time.perf_counter() - begun, "answers": found}, sys.stdout)


def _drive(plan: dict[str, Any], number: int, until: float | None, found: list[list[float]]) -> None:
    """One connection: its share of the requests in turn, for a time or once."""
    mine = plan["requests"][number :: plan["connections"]]
    words = [request.encode() for request in mine]
    line = _Line((plan["host"], plan["port"]))
    while words:
        for word in words:
            begun = time.perf_counter()
            status = line.ask(word)
            found.append([(time.perf_counter() - begun) * 1000, status])
            if until and time.perf_counter() >= until:
                return
        if not until:
            return


class _Line:
    """A connection that is opened anew after the server has closed it, as it does when it renews a process."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> int:
        """Status of the answer, 0 for none: the server went away after it had taken a request."""
        if self._socket is not None and _is_closed(self._socket):
            self._close()
        if self._socket is None:
            self._socket = socket.create_connection(self._address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(request)
            status, stays = _answer(self._socket)
        except ConnectionError:
            status, stays = 0, False
        if not stays:
            self._close()
        return status

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _is_closed(line: socket.socket) -> bool:
    """Whether the server has closed a connection that waits for the next request."""
    return bool(select.select([line], [], [], 0)[0])


def _answer(line: socket.socket) -> tuple[int, bool]:
    """Read one answer to its end; its status, and whether the connection stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(line)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rows = head.lower().split(b"\r\n")
    fields = {name: value.strip() for name, _colon, value in (row.partition(b":") for row in rows)}
    length = int(fields[b"content-length"])
    while len(body) < length:
        body += _some(line)
    return int(first.split(b" ", 2)[1]), fields.get(b"connection") != b"close"


def _some(line: socket.socket) -> bytes:
    piece = line.recv(1 << 18)
    if not piece:
        raise ConnectionError("the server closed the connection")
    return piece


if __name__ == "__main__":
    main()
