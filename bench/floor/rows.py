"""The floor's database: one connection, three transactions."""

from __future__ import annotations

import hmac
import json
import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg

from bench.floor import statements
from bench.floor.children import Directories, Exit
from multiflexi import __version__

LIMITS = {"cpus": None, "memory": None, "file_size": None, "processes": None, "kill_grace": 10.0}


class Template(NamedTuple):
    """What a job needs to know of its run template."""

    id: int
    name: str
    company: int
    company_name: str
    app: int
    app_name: str
    uuid: Any
    executable: str


@dataclass
class Run:
    """One job between its claim and its end."""

    id: int
    claim: int
    template: Template
    due: datetime
    where: Directories
    words: list[str]
    env: dict[str, str]
    begin: datetime | None = None
    exit: Exit | None = None
    out: bytes = b""
    err: bytes = b""


class Rows:
    """Claims, starts and ends of jobs in the name of one worker."""

    def __init__(self, name: str) -> None:
        self._connection = psycopg.connect(
            host=os.environ["DB_HOST"],
            port=os.environ["DB_PORT"],
            dbname=os.environ["DB_DATABASE"],
            user=os.environ["DB_USERNAME"],
            password=os.environ["DB_PASSWORD"],
            autocommit=True,
        )
        ask = self._connection.execute
        self._worker = ask(REGISTER, {"name": name, "host": socket.gethostname(), "pid": os.getpid()}).fetchone()[0]
        self._mac_key = ask("SELECT id FROM encryption_keys WHERE key_name = 'audit'").fetchone()[0]
        self._user = ask('SELECT id FROM "user" WHERE is_system ORDER BY id').fetchone()[0]
        self.templates = {row[0]: Template(*row) for row in ask(TEMPLATES).fetchall()}

    @property
    def _actor(self) -> str:
        return f"worker:{self._worker}"

    def claim(self, number: int) -> list[tuple[int, int, Template, datetime]]:
        """At most so many jobs that are due: id, token, run template, when they were due."""
        given = {"number": number, "worker": self._worker, "actor": self._actor}
        found = self._connection.execute(statements.CLAIM, given).fetchall()
        return [(row[0], row[1], self.templates[row[2]], row[3]) for row in found]

    def start(self, runs: Sequence[Run]) -> None:
        """Commit that these jobs run; nothing of them was started before."""
        begun = self._connection.execute(
            statements.START,
            {
                "ids": [run.id for run in runs],
                "claims": [run.claim for run in runs],
                "spools": [str(run.where.spool) for run in runs],
                "handles": [json.dumps(_handle(run)) for run in runs],
                "commands": [json.dumps(run.words) for run in runs],
                "envs": [json.dumps(run.env) for run in runs],
                "metas": [json.dumps(dict.fromkeys(run.env, _SOURCE)) for run in runs],
                "host": socket.gethostname(),
                "boot": "floor",
                "limits": json.dumps(LIMITS),
                "actor": self._actor,
            },
        ).fetchall()
        begins = dict(begun)
        for run in runs:
            run.begin = begins[run.id]

    def finish(self, runs: Sequence[Run]) -> None:
        """Everything that is kept of the end of these jobs, in one transaction and two round trips."""
        values = self._ending(sorted(runs, key=lambda run: run.id))
        with self._connection.transaction():
            ended = self._connection.execute(statements.END, values)
            if ended.rowcount != len(runs):
                raise RuntimeError("a job was not ours any more")
            with self._connection.pipeline():
                for statement in statements.FINISH:
                    self._connection.execute(statement, values)

    def _ending(self, runs: Sequence[Run]) -> dict[str, Any]:
        now = datetime.now(UTC)
        exits = [run.exit for run in runs if run.exit]
        good = Counter(run.template.id for run in runs if run.exit and run.exit.code == 0)
        bad = Counter(run.template.id for run in runs if run.exit and run.exit.code != 0)
        templates = sorted(good | bad)
        data = [json.dumps({"status": _status(one), "exitcode": one.code, "reason": None}) for one in exits]
        return {
            "actor": self._actor,
            "user": self._user,
            "mac_key": self._mac_key,
            "ids": [run.id for run in runs],
            "claims": [run.claim for run in runs],
            "statuses": [_status(one) for one in exits],
            "outcomes": ["success" if one.code == 0 else "failure" for one in exits],
            "codes": [one.code for one in exits],
            "pids": [one.pid for one in exits],
            "cpus": [one.cpu_seconds for one in exits],
            "peaks": [one.peak_kb for one in exits],
            "ends": [now] * len(runs),
            "outs": [run.out for run in runs],
            "errs": [run.err for run in runs],
            "templates": templates,
            "goods": [good[template] for template in templates],
            "bads": [bad[template] for template in templates],
            "owners": [run.template.id for run in runs],
            "companies": [run.template.company for run in runs],
            "apps": [run.template.app for run in runs],
            "durations": [max(0.0, (now - (run.begin or now)).total_seconds()) for run in runs],
            "waits": [max(0.0, ((run.begin or now) - run.due).total_seconds()) for run in runs],
            "data": data,
            "macs": [_code(run, told) for run, told in zip(runs, data, strict=True)],
        }


REGISTER = """
INSERT INTO worker (role, name, host, boot_id, pid, version, state, desired_state, started_at, last_seen_at,
    last_cycle_at, places, places_used)
VALUES ('executor', %(name)s, %(host)s, 'floor', %(pid)s, '', 'running', 'running', now(), now(), now(), 0, 0)
ON CONFLICT (role, name) DO UPDATE SET pid = excluded.pid, last_cycle_at = now() RETURNING id
"""

TEMPLATES = """
SELECT r.id, r.name, c.id, c.name, a.id, a.name, a.uuid, a.executable
FROM runtemplate r JOIN company c ON c.id = r.company_id JOIN apps a ON a.id = r.app_id
"""

_SOURCE = {"type": "string", "secret": False, "source": "platform", "overridden": []}
_KEY = os.urandom(32)


def environment(job_id: int, template: Template, work: str) -> dict[str, str]:
    """The variables that the platform gives every job."""
    return {
        "EASE_LOGGER": "console",
        "MULTIFLEXI_TMP": work,
        "MULTIFLEXI_JOB_ID": str(job_id),
        "MULTIFLEXI_ATTEMPT": "1",
        "MULTIFLEXI_VERSION": __version__,
        "MULTIFLEXI_EXECUTOR": "Native",
        "MULTIFLEXI_COMPANY_ID": str(template.company),
        "MULTIFLEXI_COMPANY_CODE": "",
        "MULTIFLEXI_COMPANY_NAME": template.company_name,
        "MULTIFLEXI_APPLICATION_ID": str(template.app),
        "MULTIFLEXI_RUNTEMPLATE_ID": str(template.id),
        "MULTIFLEXI_APPLICATION_NAME": template.app_name,
        "MULTIFLEXI_APPLICATION_UUID": str(template.uuid),
        "MULTIFLEXI_RUNTEMPLATE_NAME": template.name,
    }


def _handle(run: Run) -> dict[str, Any]:
    return {"name": f"mf-job-{run.id}-{run.claim}", "spool": str(run.where.spool), "job_dir": str(run.where.work)}


def _status(exit_: Exit) -> str:
    return "success" if exit_.code == 0 else "failed"


def _code(run: Run, told: str) -> str:
    """A code over as much text as an audit entry has; its key is none of the installation's."""
    entry = {"entity_id": run.id, "company_id": run.template.company, "event_type": "job_finished", "data": told}
    return hmac.digest(_KEY, json.dumps(entry, sort_keys=True).encode(), "sha256").hex()
