"""Commands of the noun "task"."""

from __future__ import annotations

from datetime import datetime

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, fields, flag, identifier, listing, value
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import Number, Word

NOUN = Noun("task", "Obligations of windows: was the result there in time?")
COLUMNS = ("id", "runtemplate_id", "window_start", "deadline", "state", "attempts")
SUMMARY_COLUMNS = ("runtemplate_id", "company_name", "runtemplate_name", "text")
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


@NOUN.command(
    "summary",
    "Tell how many obligations were met, per run template",
    value("--company_id", "--company", help="Company: id or slug"),
    value("--runtemplate_id", "--template", "--template-id", "--runtemplate", help="Run template", type=Number()),
    value("--from", help="Windows that begin then or later; without it this month"),
    value("--to", help="Windows that begin earlier than that; without it now"),
)
def summary(call: Call) -> Rows:
    from multiflexi.services import company, task

    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    now = datetime.now(call.zone)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    records = task.summary(
        call.reader,
        start=call.moment("from") or month,
        end=call.moment("to") or now,
        company_id=owner.pk if owner else None,
        runtemplate_id=call["runtemplate_id"],
    )
    if call.format == "text" and len(records) > 1:
        call.warn(task.total_of(records)["text"])
    return Rows(records, SUMMARY_COLUMNS, empty="No windows in this time.")
