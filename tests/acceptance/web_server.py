"""A real `multiflexi-web` process for tests, and plain HTTP requests to it."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"the web server is ready at (?:http://127\.0\.0\.1:(\d+)|unix:)")


@dataclass
class Answer:
    """Status, headers by lower-case name (cookies as a list) and text."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    text: str


class WebServer:
    """Started and ready when made; its log is kept for the message of a failing test."""

    def __init__(self, environment: dict[str, str], **settings: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "multiflexi.serving.program"],
            cwd=ROOT,
            env=environment | {"MULTIFLEXI_WEB_BIND": "127.0.0.1:0", "MULTIFLEXI_WEB_WORKERS": "1"} | settings,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = self._port()
        # Its log would otherwise fill the pipe and stop it.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _port(self) -> int:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)
            if found := READY.search(line):
                return int(found[1] or 0)
        raise AssertionError(f"no web server: {self.lines}")

    def _read(self) -> None:
        assert self.process.stderr
        self.lines += list(self.process.stderr)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(method, path, body, headers or {})
            answer = line.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.headers.get_all("Set-Cookie") or [],
                answer.read().decode(),
            )
        finally:
            line.close()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self._reader.join(30)
        return status

    def log(self) -> str:
        return "".join(self.lines)
