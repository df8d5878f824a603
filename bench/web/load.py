"""A server of the installation, and what clients see of it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.request import Request, urlopen

from bench.frame.installation import Installation
from bench.frame.processes import Process, python, until
from bench.frame.report import Report, spread

HOST = "127.0.0.1"


class Server:
    """A web server with so many processes and threads; requests carry one person's token."""

    def __init__(self, place: Installation, token: str, *, workers: int = 2, threads: int = 4) -> None:
        self._token = token
        self.port = _free_port()
        self.process: Process = place.process(
            "web",
            *python("-m", "multiflexi.serving.program"),
            MULTIFLEXI_WEB_BIND=f"{HOST}:{self.port}",
            MULTIFLEXI_WEB_WORKERS=str(workers),
            MULTIFLEXI_WEB_THREADS=str(threads),
            API_RATE_LIMIT_REQUESTS="1000000000",
        )
        until(self._answers, "an answer of the web server")

    def get(self, path: str) -> Any:
        """The JSON behind an address."""
        request = Request(f"http://{HOST}:{self.port}{path}", headers={"Authorization": f"Bearer {self._token}"})
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def load(self, requests: Sequence[str], connections: int, seconds: float | None = None) -> dict[str, Any]:
        """Send requests over so many connections, again and again for a time, or each of them once."""
        plan = {"host": HOST, "port": self.port, "requests": requests, "connections": connections, "seconds": seconds}
        done = subprocess.run(
            python("-m", "bench.web.client"), input=json.dumps(plan), stdout=subprocess.PIPE, check=True, text=True
        )
        found = json.loads(done.stdout)
        times = [milliseconds for milliseconds, _status in found["answers"]]
        return {
            "requests_per_second": len(times) / found["seconds"],
            "ms": spread(times),
            "statuses": dict(Counter(int(status) for _milliseconds, status in found["answers"])),
        }

    def request(self, path: str, body: Any = None) -> str:
        """One request as it goes over the wire."""
        content = json.dumps(body) if body is not None else ""
        method = "POST" if content else "GET"
        more = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n" if content else ""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Accept: application/json\r\n{more}\r\n{content}"
        )

    def _answers(self) -> bool:
        if self.process.status is not None:
            raise RuntimeError(f"the web server ended with {self.process.status}:\n{self.process.log}")
        try:
            with urlopen(f"http://{HOST}:{self.port}/readyz/", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def check_statuses(report: Report, what: str, found: dict[str, Any], status: int) -> None:
    report.check(f"{what}: every answer is {status}", list(found["statuses"]), [status])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
