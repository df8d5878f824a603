"""Commands of the noun "worker"."""

from __future__ import annotations

import time
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, fields, identifier, listing, value
from multiflexi.cli.output.errors import WAITED_TOO_LONG, Failure, Rejected
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import Word
from multiflexi.cli.waiting import PAUSE, wait_options

NOUN = Noun("worker", "Running instances of the daemons")
COLUMNS = ("id", "role", "name", "alive", "state", "places_used", "places", "not_claiming_reason", "last_seen_at")
ROLES = Word("scheduler", "executor", "eventor", "housekeeper", "inline")


@NOUN.command("list", "List instances of daemons", value("--role", help="Only this kind", type=ROLES), listing())
def list_workers(call: Call) -> Rows:
    from multiflexi.jobs.queue import backend
    from multiflexi.services import worker
    from multiflexi.services.presenters.worker import SORTABLE, row

    now = backend().now()
    found = worker.query(call.reader, role=call["role"])
    return Rows((row(one, now) for one in call.page.of(found, SORTABLE)), COLUMNS, empty="No workers found.")


@NOUN.command(
    "get",
    "Show an instance of a daemon",
    identifier("--id", "--name", help="Id or name"),
    value("--role", help="Its kind, where several have the name", type=ROLES),
    fields(),
)
def get(call: Call) -> Record:
    from multiflexi.jobs.queue import backend
    from multiflexi.services import worker
    from multiflexi.services.presenters.worker import row

    return Record(row(worker.find(call.reader, call.need("id"), role=call["role"]), backend().now()))


@NOUN.command(
    "drain",
    "Let an executor take no more jobs; running ones go on",
    identifier("--id", "--name", help="Id or name of the executor"),
    wait_options(),
    changes=True,
)
def drain(call: Call) -> Done:
    from multiflexi.services import worker

    found = _executor(call)
    changed = worker.drain(call.actor, found)
    if call["wait"]:
        _await_drained(call, found)
    return _done(found, changed, "takes no more jobs")


@NOUN.command(
    "resume",
    "Let an executor take jobs again",
    identifier("--id", "--name", help="Id or name of the executor"),
    changes=True,
)
def resume(call: Call) -> Done:
    from multiflexi.services import worker

    found = _executor(call)
    return _done(found, worker.resume(call.actor, found), "takes jobs again")


def _executor(call: Call) -> Any:
    from multiflexi.services import worker

    return worker.find(call.reader, call.need("id"), role="executor")


def _await_drained(call: Call, found: Any) -> None:
    from multiflexi.services import worker

    limit = call["timeout"]
    deadline = time.monotonic() + limit if limit else None
    while not worker.is_drained(found):
        if deadline and time.monotonic() >= deadline:
            message = f"Executor {found.name} still has jobs after {limit} s; they go on."
            raise Rejected(Failure(message, "wait_timeout", WAITED_TOO_LONG))
        time.sleep(PAUSE)


def _done(found: Any, changed: bool, text: str) -> Done:
    data = {"worker_id": found.pk, "name": found.name, "desired_state": str(found.desired_state), "changed": changed}
    return Done(data, f"Executor {found.name} {text}{'' if changed else ' already'}")
