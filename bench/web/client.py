"""Requests over kept-open connections, as fast as answers come; run as a process of its own.

Standard input holds the plan as JSON, standard output gets milliseconds and status of every answer.
"""

from __future__ import annotations

import json
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
    with socket.create_connection((plan["host"], plan["port"])) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while words:
            for word in words:
                begun = time.perf_counter()
                line.sendall(word)
                status = _status(line)
                found.append([(time.perf_counter() - begun) * 1000, status])
                if until and time.perf_counter() >= until:
                    return
            if not until:
                return


def _status(line: socket.socket) -> int:
    """Read one answer to its end; its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(line)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(row.partition(b":")[2]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += _some(line)
    return int(head.split(b" ", 2)[1])


def _some(line: socket.socket) -> bytes:
    piece = line.recv(1 << 18)
    if not piece:
        raise ConnectionError("the server closed the connection")
    return piece


if __name__ == "__main__":
    main()
