"""Commands of the noun "task"."""

from __future__ import annotations

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, fields, flag, identifier, listing, value
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import Number, Word

NOUN = Noun("task", "Obligations of windows: was the result there in time?")
COLUMNS = ("id", "runtemplate_id", "window_start", "deadline", "state", "attempts")
STATES = Word("open", "running", "fulfilled", "fulfilled_late", "failed", "missed")


@NOUN.command(
    "list",
    "List tasks",
    value("--runtemplate_id", "--template", "--template-id", "--runtemplate", help="Run template", type=Number()),
    value("--state", help="State", type=STATES),
    listing(),
)
def list_tasks(call: Call) -> Rows:
    from multiflexi.services import task
    from multiflexi.services.presenters.task import SORTABLE, row

    found = task.query(call.reader, runtemplate_id=call["runtemplate_id"], state=call["state"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS, empty="No tasks found.")


@NOUN.command(
    "get",
    "Show a task",
    identifier("--id", help="Id"),
    flag("--with-jobs", help="With the jobs that worked on it"),
    fields(),
)
def get(call: Call) -> Record:
    from multiflexi.services import task
    from multiflexi.services.presenters import job as job_presenter
    from multiflexi.services.presenters.task import row

    found = task.find(call.reader, call.need("id"))
    data = row(found)
    if call["with_jobs"]:
        data["jobs"] = [job_presenter.row(one) for one in found.jobs.order_by("pk").defer("stdout", "stderr")]
    return Record(data)


@NOUN.command("status", "Number of tasks by state")
def status(call: Call) -> Done:
    from multiflexi.services import task

    totals = task.totals(call.reader)
    return Done(totals, "\n".join(f"{name}: {number}" for name, number in totals.items()))
