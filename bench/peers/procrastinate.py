"""Procrastinate: one worker on the same PostgreSQL, as many jobs at once as we have places."""

from __future__ import annotations

import subprocess
from typing import Any

from django.db import connection

from bench.frame.installation import Installation
from bench.frame.processes import cpu, memory, until
from bench.frame.report import Report
from bench.frame.server import ServerMeter
from bench.peers import packages
from bench.trivial import costs

PATIENCE = 900.0


def measure(place: Installation, report: Report, number: int, places: int) -> dict[str, Any]:
    """Deferred at once to a waiting worker; from the first start to the last success by the database's clock."""
    command = [packages.interpreter(), packages.side("run_procrastinate")]

    def call(*words: str) -> None:
        subprocess.run([*command, *words], env=place.environment, check=True)

    if not _ask("SELECT count(*) FROM pg_tables WHERE tablename = 'peer_result'"):
        call("schema")
    _ask("TRUNCATE peer_result, procrastinate_jobs CASCADE")
    worker = place.process("procrastinate", *command, "work", str(places))
    until(lambda: "ready" in worker.log, "the start of Procrastinate's worker")
    server = ServerMeter()
    own, below = cpu(worker.pid)
    call("defer", str(number))
    done = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    until(lambda: _ask(done) == number, "the last job of Procrastinate", patience=PATIENCE, every=0.2)
    own_now, below_now = cpu(worker.pid)
    spent = {"itself": own_now - own, "children": below_now - below}
    spent |= {f"database_{group}": seconds for group, seconds in server.seconds().items()}
    seconds = _ask(
        "SELECT extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'started'))"
        " FROM procrastinate_events"
    )
    peak = memory(worker.pid, "VmHWM")
    worker.stop()
    right = _ask(
        "SELECT array[count(*), count(DISTINCT number)] FROM peer_result"
        " WHERE exitcode = 0 AND stdout = convert_to(number || E'\\n', 'UTF8') AND stderr = ''"
    )
    report.check("procrastinate: every job ran once and its output is kept", right, [number, number])
    return costs(number / float(seconds), spent, number, peak_mb=peak)


def _ask(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None
