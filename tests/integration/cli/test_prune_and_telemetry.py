"""Keeping only the newest rows, and trying out the collector of telemetry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone

from multiflexi.models import FINAL_STATES, Job, JobStatus, LogEntry, RunTemplate, User

from .conftest import Cli


def test_prune_keeps_the_newest_and_what_waits(cli: Cli, template: RunTemplate) -> None:
    LogEntry.objects.bulk_create(LogEntry(message=str(number)) for number in range(5))
    author = User.objects.technical()
    states = [JobStatus.PENDING, JobStatus.SUCCESS, JobStatus.RUNNING, JobStatus.FAILED, JobStatus.SUCCESS]
    jobs = [
        Job.objects.create(
            app=template.app,
            company=template.company,
            launched_by=author,
            status=one,
            end=timezone.now() if one in FINAL_STATES else None,
        )
        for one in states
    ]
    words = ["--logs", "--jobs", "--keep", "1", "--format=json"]
    assert cli("prune", *words, "--dry-run").json["deleted"] == {"log": 4, "job": 2}
    assert (LogEntry.objects.count(), Job.objects.count()) == (5, 5)
    assert cli("prune", *words).json == {"status": "success", "keep": 1, "deleted": {"log": 4, "job": 2}}
    assert list(LogEntry.objects.values_list("message", flat=True)) == ["4"]
    assert set(Job.objects.values_list("pk", flat=True)) == {jobs[0].pk, jobs[2].pk, jobs[4].pk}
    assert cli("prune", "--logs", "--jobs", "--keep", "-f", "json").json["deleted"] == {"log": 0, "job": 0}
    assert cli("prune", "--jobs", "--keep=0", "-f", "json").json["deleted"] == {"job": 1}


class Collector(BaseHTTPRequestHandler):
    """Takes what it is sent, unless it is told to refuse."""

    taken: list[tuple[str, Any]]
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).taken.append((self.path, json.loads(body)))
        self.send_response(type(self).status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[type[Collector], str]]:
    kind = type("Mine", (Collector,), {"taken": [], "status": 200})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield kind, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_telemetry_is_sent_and_marked(cli: Cli, settings: Any, collector: tuple[type[Collector], str]) -> None:
    kind, address = collector
    settings.OTEL_ENABLED = True
    told = cli("telemetry:test", "-e", address, "--format=json").json
    assert told["endpoint"] == address
    assert {"multiflexi.jobs.total", "multiflexi.companies.total", "multiflexi.test"} <= set(told["sent"])
    assert [path for path, _ in kind.taken] == ["/v1/metrics", "/v1/traces"]
    metrics = kind.taken[0][1]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    assert [one["name"] for one in metrics] == [name for name in told["sent"] if name != "multiflexi.test"]
    assert metrics[0]["sum"]["dataPoints"][0]["attributes"] == [{"key": "test", "value": {"boolValue": True}}]
    few = cli("telemetry:test", f"--endpoint={address}", "--disable-gauges", "--format=json").json
    assert few["sent"] == ["multiflexi.jobs.total", "multiflexi.test"]
    text = cli("telemetry:test", f"--endpoint={address}", "--disable-gauges").out.splitlines()
    assert text[0].endswith(f" to {address} by http/json")
    assert text[1:] == ["Sent multiflexi.jobs.total", "Sent multiflexi.test"]
    kind.status = 503
    refused = cli("telemetry:test", f"--endpoint={address}", "--format=json")
    assert (refused.code, refused.json["code"]) == (1, "telemetry_not_taken")
    assert "503" in refused.err


def test_telemetry_that_is_off(cli: Cli, settings: Any) -> None:
    settings.OTEL_ENABLED = False
    outcome = cli("telemetry:test", "--format=json")
    assert (outcome.code, outcome.json["code"]) == (1, "telemetry_disabled")
