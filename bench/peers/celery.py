"""Celery with Redis: as many processes as we have places; queue and results live in Redis' memory."""

from __future__ import annotations

import json
import subprocess
from shutil import which
from typing import Any

from bench.frame.installation import Installation
from bench.frame.processes import Process, children, cpu, family_cpu, memory, until
from bench.frame.report import Report
from bench.peers import packages
from bench.trivial import costs

PATIENCE = 900.0


def is_possible() -> bool:
    """Whether there is a Redis server to start; one of our own, so that nobody else's keys are touched."""
    return which("redis-server") is not None


def measure(place: Installation, report: Report, number: int, places: int) -> dict[str, Any]:
    """Deferred at once to waiting processes; from the start of the first task to the storing of the last result."""
    socket = place.scratch / "redis.sock"
    socket.unlink(missing_ok=True)
    redis = place.process("redis", "redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "")
    until(socket.exists, "the start of Redis")
    command = [packages.interpreter(), packages.side("run_celery")]
    # Celery takes settings of Django for its own where it is told of them.
    own = {"PEER_REDIS": str(socket), "DJANGO_SETTINGS_MODULE": ""}

    def call(*words: str) -> str:
        return subprocess.run(
            [*command, *words],
            env=place.environment | own,
            cwd=place.scratch,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    worker = place.process("celery", *command, "work", str(places), **own)
    until(lambda: "ready" in worker.log, "the start of Celery's worker")
    begin = _spent(worker, redis)
    call("defer", str(number))
    until(lambda: _keys(socket) >= number, "the last job of Celery", patience=PATIENCE, every=0.2)
    spent = {name: seconds - begin[name] for name, seconds in _spent(worker, redis).items()}
    found = json.loads(call("results", str(number)))
    peak = sum(memory(pid, "VmHWM") for pid in (worker.pid, *children(worker.pid)))
    worker.stop()
    redis.stop()
    kept = [(one["number"], one["code"], one["stdout"], one["stderr"]) for one in found["kept"]]
    report.check("celery: the output of every job is kept", kept, [(n, 0, f"{n}\n", "") for n in range(number)])
    report.check("celery: every job ran once", found["run"], number)
    seconds = found["ended"] - min(one["started"] for one in found["kept"])
    return costs(number / seconds, spent, number, peak_mb=peak)


def _spent(worker: Process, redis: Process) -> dict[str, float]:
    """Processor seconds; what the commands used has been added to that of the processes that started them."""
    workers = [cpu(pid) for pid in children(worker.pid)]
    return {
        "itself": cpu(worker.pid)[0] + sum(own for own, _ in workers),
        "children": sum(below for _, below in workers),
        "database_ours": family_cpu(redis.pid),
    }


def _keys(socket: Any) -> int:
    """How many results Redis holds."""
    command = ["redis-cli", "-s", str(socket), "--raw", "EVAL", "return #redis.call('keys', 'celery-task-meta-*')", "0"]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
