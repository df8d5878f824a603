"""Commands of the noun "job"."""

from __future__ import annotations

import importlib
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, fields, flag, identifier, listing, value
from multiflexi.cli.output.errors import NOT_RUN, WAITED_TOO_LONG, wrong_use
from multiflexi.cli.output.results import Done, Record, Result, Rows
from multiflexi.cli.values import COUNT, DAYS, MOMENT, PAIR, Number
from multiflexi.cli.waiting import ended, outcome, wait_options

NOUN = Noun("job", "What ran, runs and waits")
COLUMNS = ("id", "status", "exitcode", "company_id", "runtemplate_id", "schedule", "begin", "end", "executor")
LIST_TAIL = 8 * 1024
LARGEST_LIMIT_WITH_OUTPUT = 50
TEMPLATE = ("--runtemplate_id", "--template", "--template-id", "--runtemplate")


@NOUN.command(
    "list",
    "List jobs",
    value("--status", help="failed, success, running, pending, completed or a stored state", multiple=False),
    listing(),
    value(*TEMPLATE, help="Run template: id or name"),
    value("--company_id", "--company", help="Company: id or slug"),
    value("--app_id", "--app", help="Application: id, uuid, code or name"),
    value("--since", help="Made at or after this time", type=MOMENT),
    value("--until", help="Made before this time", type=MOMENT),
    value("--search", help="Text in the names of application and run template"),
)
def list_jobs(call: Call) -> Rows:
    from multiflexi.services import job_query
    from multiflexi.services.errors import NotFound
    from multiflexi.services.presenters.job import BESIDE_THE_LIST, SORTABLE, row, with_output

    status = [word for word in (call["status"] or "").split(",") if word.strip()]
    try:
        found = job_query.query(
            call.reader,
            status=status,
            runtemplate_id=_id(call, "run_template", "runtemplate_id"),
            company_id=_id(call, "company", "company_id"),
            app_id=_id(call, "application", "app_id"),
            since=call.moment("since"),
            until=call.moment("until"),
            search=call["search"],
        )
    except NotFound:
        return Rows((), COLUMNS)
    few = bool(call["limit"]) and call["limit"] <= LARGEST_LIMIT_WITH_OUTPUT and call.format != "text"
    if set(BESIDE_THE_LIST) & set(call.fields) or (few and not call.fields):
        return Rows((with_output(one, LIST_TAIL) for one in call.page.of(found, SORTABLE).iterator()), COLUMNS)
    page = call.page.of(found.defer("stdout", "stderr"), SORTABLE)
    return Rows(map(row, page.iterator()), COLUMNS)


def _id(call: Call, service: str, option: str) -> int | None:
    """Id of what an option refers to; its service is imported only when the option is given."""
    if not call[option]:
        return None
    module = importlib.import_module(f"multiflexi.services.{service}")
    number: int = module.find(call.reader, call[option]).pk
    return number


@NOUN.command("get", "Show a job", identifier("--id", help="Id"), fields())
def get(call: Call) -> Record:
    from multiflexi.services.presenters.job import with_output

    return Record(with_output(_selected(call)))


@NOUN.command("status", "Numbers of jobs, or with an id the state of one", identifier("--id", help="Id"))
def status(call: Call) -> Result:
    from multiflexi.services import job_query
    from multiflexi.services.presenters.job import summary

    if call["id"]:
        return Record(summary(_selected(call)))
    totals = job_query.totals(call.reader)
    return Done(totals, "\n".join(f"{name}: {number}" for name, number in totals.items()))


@NOUN.command(
    "create",
    "Make a job of a run template",
    identifier(*TEMPLATE, help="Run template: id or name"),
    value("--scheduled", "--schedule_time", "--schedule", help="When; now by default", type=MOMENT),
    value("--executor", help="Another executor for this run"),
    value("--schedule_type", help="What caused the run"),
    value("--company_id", "--company", help="Company the run template has to belong to"),
    value("--config", help="NAME=VALUE for this run only", type=PAIR, multiple=True),
    value("--env", help="NAME=VALUE for this run only", type=PAIR, multiple=True),
    wait_options(),
    changes=True,
)
def create(call: Call) -> Done:
    from multiflexi.cli.launch import launch

    return launch(call, call.need("runtemplate_id"), "scheduled")


@NOUN.command(
    "update",
    "Change a pending job",
    identifier("--id", help="Id"),
    value(*TEMPLATE, help="Run template it has to belong to"),
    value("--scheduled", "--schedule_time", "--schedule", help="New time", type=MOMENT),
    value("--executor", help="New executor"),
    value("--schedule_type", help="What caused the run"),
    value("--app_id", "--app", help="Application it has to belong to"),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import job, job_query
    from multiflexi.services.errors import Refused
    from multiflexi.services.presenters.job import row

    found = _selected(call)
    template = _id(call, "run_template", "runtemplate_id")
    app = _id(call, "application", "app_id")
    if template not in (None, found.runtemplate_id) or app not in (None, found.app_id):
        raise Refused("A job stays with its run template and application; make a new job instead.", "job_is_bound")
    changed = job.reschedule(
        call.actor,
        found,
        after=call.moment("scheduled"),
        executor=call["executor"] or None,
        schedule_type=call["schedule_type"] or None,
    )
    line = f"Job {found.pk} updated" if changed else f"Job {found.pk}: nothing to change"
    return Done(
        {"updated": changed, "job_id": found.pk}, line, lambda: Record(row(job_query.find(call.reader, found.pk)))
    )


@NOUN.command(
    "delete",
    "Delete a job with its output",
    identifier("--id", help="Id"),
    flag("--force", help="Stop it first if it is under way"),
    value("--timeout", help="With --force: wait for its end at most so many seconds", type=COUNT, default=60),
    dry_run(),
    changes=True,
    exits=[WAITED_TOO_LONG],
)
def delete(call: Call) -> Done:
    from multiflexi.models import ACTIVE_STATES
    from multiflexi.services import job, job_stop

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        return Done({"dry_run": True, "job_id": number}, f"Job {number} would be deleted")
    if call["force"] and found.status in ACTIVE_STATES:
        job_stop.request_stop(call.actor, found, level="stop")
        (found,) = ended(call, [number])
    job.remove(call.actor, found)
    return Done({"deleted": True, "job_id": number}, f"Job {number} deleted")


@NOUN.command(
    "retry",
    "Repeat ended jobs as new ones",
    identifier("--id", help="Id", many=True),
    value("--blocked-by", help="Instead of ids: all that this credential (id or name) has blocked"),
    value("--env", help="NAME=VALUE for the new run", type=PAIR, multiple=True),
    value("--reason", help="Why"),
    wait_options(),
    dry_run(),
    changes=True,
)
def retry(call: Call) -> Done:
    from multiflexi.services import job, job_query

    if call["blocked_by"]:
        from multiflexi.cli.retrying import retry_blocked

        return retry_blocked(call)
    if call.dry_run:
        raise wrong_use("Option --dry-run goes with --blocked-by only.")
    made = [
        (
            number,
            job.retry(
                call.actor, job_query.find(call.reader, number), overrides=call.pairs("env"), reason=call["reason"]
            ),
        )
        for number in call.need("id")
    ]
    data = [
        {"job_id": new.pk, "retry_of": int(old), "id": new.pk, "attempt": new.attempt, "status": new.status}
        for old, new in made
    ]
    failed = False
    if call["wait"]:
        jobs = ended(call, [new.pk for _, new in made])
        data = [{**one, **outcome(job)} for one, job in zip(data, jobs, strict=True)]
        failed = any(job.exitcode != 0 for job in jobs)
    lines = "\n".join(f"Job {old} repeated, ID: {new.pk}" for old, new in made)
    complaint = "Not all of the repeated jobs succeeded."
    return Done(data[0] if len(data) == 1 else data, lines, code=int(failed), complaint=complaint)


@NOUN.command(
    "cancel",
    "Take out jobs that have not begun",
    identifier("--id", help="Id", many=True),
    value("--reason", help="Why"),
    dry_run(),
    changes=True,
)
def cancel(call: Call) -> Done:
    from multiflexi.services import job_query, job_stop

    found = [job_query.find(call.reader, number) for number in call.need("id")]
    if call.dry_run:
        data = [{"dry_run": True, "job_id": one.pk, "status": one.status} for one in found]
        return Done(data[0] if len(data) == 1 else data, f"{len(data)} jobs would be cancelled")
    for one in found:
        job_stop.cancel(call.actor, one, call["reason"])
    results = [{"cancelled": True, "job_id": one.pk, "status": "cancelled"} for one in found]
    lines = "\n".join(f"Job {one.pk} cancelled" for one in found)
    return Done(results[0] if len(results) == 1 else results, lines)


@NOUN.command(
    "stop",
    "Ask for the end of running jobs",
    identifier("--id", help="Id", many=True),
    value("--reason", help="Why"),
    flag("--kill", help="At once, without grace"),
    flag("--no-kill", help="Only ask the process, never kill it"),
    wait_options(),
    dry_run(),
    changes=True,
)
def stop(call: Call) -> Done:
    from multiflexi.services import job_query, job_stop

    if call["kill"] and call["no_kill"]:
        raise wrong_use("Give either --kill or --no-kill, not both.")
    level = "kill" if call["kill"] else "wait" if call["no_kill"] else "stop"
    found = [job_query.find(call.reader, number) for number in call.need("id")]
    if call.dry_run:
        data = [{"dry_run": True, "job_id": one.pk, "status": one.status} for one in found]
        return Done(data[0] if len(data) == 1 else data, f"{len(data)} jobs would be stopped")
    results = [
        {
            "stop_requested": True,
            "job_id": one.pk,
            "status": job_stop.request_stop(call.actor, one, level=level, reason=call["reason"]),
        }
        for one in found
    ]
    if call["wait"]:
        jobs = {one.pk: one for one in ended(call, [one.pk for one in found])}
        results = [{**one, **outcome(jobs[one["job_id"]])} for one in results]
    lines = "\n".join(f"Job {one['job_id']}: stop requested, now {one['status']}" for one in results)
    return Done(results[0] if len(results) == 1 else results, lines)


@NOUN.command(
    "run",
    "Run a pending job here and now; exits with its exit code",
    identifier("--id", help="Id"),
    value(*TEMPLATE, help="Make a job of this run template and run it"),
    value("--env", help="With --template: NAME=VALUE for this run only", type=PAIR, multiple=True),
    value("--timeout", help="Give up when it has not begun after so many seconds", type=COUNT),
    flag("--exit-zero", help="Exit code 0 whatever the job returned"),
    changes=True,
    exits=[NOT_RUN, WAITED_TOO_LONG],
)
def run(call: Call) -> Done:
    from multiflexi.cli.inline_run import run_here

    return run_here(call)


@NOUN.command("explain", "Show why a job runs, waits, did not start or ended as it did", identifier("--id", help="Id"))
def explain(call: Call) -> Result:
    from multiflexi.cli.explained import sentences
    from multiflexi.cli.output.plain import plain
    from multiflexi.cli.output.results import Document
    from multiflexi.services.explain import job

    data = job.explain(call.reader, _selected(call))

    def text() -> str:
        shown = plain(data, lambda: call.zone)
        past = [
            " ".join(str(one[name]) for name in ("time", "from", "to", "actor", "reason", "detail") if one[name])
            for one in shown["history"]
        ]
        head = f"Job {shown['job_id']}: {shown['status']}"
        return "\n".join([head, *sentences(shown["waiting_for"]), *sentences(shown["reasons"]), "History:", *past])

    return Document(data, text)


@NOUN.command(
    "cleanup",
    "Delete old finished jobs with their output",
    value("--days", "--older-than", help="Age in days", type=DAYS),
    value("--status", help="Only these filter words, separated by commas"),
    value("--company_id", "--company", help="Company: id or slug"),
    value("--keep", help="Keep so many of the newest jobs of each run template", type=COUNT),
    dry_run(),
    changes=True,
)
def cleanup(call: Call) -> Done:
    from datetime import UTC, datetime, timedelta

    from multiflexi.cli.progress import counted
    from multiflexi.services import company, job_cleanup

    if call["days"] in (None, ""):
        raise wrong_use("Option --days is required.")
    cutoff = datetime.now(UTC) - timedelta(days=call["days"])
    status = [word for word in (call["status"] or "").split(",") if word.strip()]
    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    jobs = job_cleanup.old_jobs(cutoff, status=status, company=owner, keep=call["keep"] or 0)
    counts = job_cleanup.counted(jobs)
    if not call.dry_run and counts["jobs"]:
        call.confirm(f"Delete {counts['jobs']} jobs that ended more than {call['days']} days ago?", default=True)
        with counted(call, f"of {counts['jobs']} jobs deleted") as progress:
            counts = job_cleanup.remove_old(call.actor, jobs, cutoff, progress)
    data = {"status": "success", "deleted": counts, "cutoff": cutoff, **({"dry_run": True} if call.dry_run else {})}
    verb = "would be deleted" if call.dry_run else "deleted"
    return Done(data, f"{counts['jobs']} jobs {verb}, with {counts['artifacts']} artifacts")


@NOUN.command(
    "logs",
    "Show the output of a job",
    identifier("--id", help="Id"),
    flag("--follow", help="Go on until the job ends"),
    flag("--stderr", help="Only standard error"),
    value("--tail", help="Only the last lines", type=Number(1)),
)
def logs(call: Call) -> Rows:
    from multiflexi.cli.follow import lines_of

    found = _selected(call)
    return Rows(lines_of(call, found), ("seq", "type", "line"), empty="", text=lambda row: str(row["line"]))


@NOUN.command(
    "artifacts",
    "List the artifacts of a job, or print one of them",
    identifier("--id", help="Id"),
    value("--file", help="Name of the one to print"),
    listing(),
)
def artifacts(call: Call) -> Result:
    from multiflexi.cli.nouns import artifact

    found = _selected(call)
    if not call["file"]:
        return artifact.list_artifacts(Call({**call.options, "job_id": found.pk}))
    return artifact.printed(call, found.pk, call["file"])


def _selected(call: Call) -> Any:
    from multiflexi.services import job_query

    return job_query.find(call.reader, call.need("id"))
