"""Celery's half: `defer NUMBER`, `results NUMBER`, or `work PLACES` until it is asked to stop."""

import json
import os
import subprocess
import sys
import time

from celery import Celery, group
from celery.result import AsyncResult
from celery.signals import worker_ready

SOCKET = f"redis+socket://{os.environ['PEER_REDIS']}"
app = Celery("bench", broker=SOCKET, backend=SOCKET)


@app.task(name="run")
def run(number: int) -> dict[str, object]:
    started = time.time()
    done = subprocess.run(["/bin/echo", str(number)], capture_output=True, check=False)
    return {
        "number": number,
        "code": done.returncode,
        "stdout": done.stdout.decode(),
        "stderr": done.stderr.decode(),
        "started": started,
    }


@worker_ready.connect
def tell(**_: object) -> None:
    print("ready", flush=True)


def defer(number: int) -> None:
    group(run.s(n).set(task_id=str(n)) for n in range(number)).apply_async()


def results(number: int) -> dict[str, object]:
    """What is kept of all tasks, and how many the worker says it has run."""
    kept = [AsyncResult(str(n), app=app) for n in range(number)]
    stats = app.control.inspect().stats() or {}
    return {
        "kept": [one.result for one in kept],
        "ended": max(one.date_done.timestamp() for one in kept),
        "run": sum(worker["total"].get("run", 0) for worker in stats.values()),
    }


if __name__ == "__main__":
    command, count = sys.argv[1], int(sys.argv[2])
    if command == "work":
        app.worker_main(
            ["worker", "--pool=prefork", f"--concurrency={count}", "--loglevel=WARNING", "--without-mingle"]
        )
    elif command == "defer":
        defer(count)
    else:
        print(json.dumps(results(count)))
