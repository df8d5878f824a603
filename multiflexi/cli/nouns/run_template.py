"""Commands of the noun "run-template"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, flag, identifier, listing, optional, value
from multiflexi.cli.limit_options import limit_options
from multiflexi.cli.output.results import Data, Document, Done, Record, Result, Rows
from multiflexi.cli.values import BOOLEAN, COUNT, HOURS, MOMENT, PAIR, Number
from multiflexi.cli.waiting import wait_options

NOUN = Noun("run-template", "Applications configured for companies, with their schedule")
COLUMNS = ("id", "name", "company_id", "app_id", "interv", "active", "next_schedule")
STALE_COLUMNS = ("id", "name", "company_id", "next_schedule", "last_schedule")
SETTABLE = (
    "name",
    "interv",
    "cron",
    "active",
    "executor",
    "deadline_offset",
    "max_attempts",
    "retry_backoff",
    "retry_min_gap",
    "allow_late",
    "delay",
    "note",
    "catch_up",
    "overlap",
    "max_parallel",
    "timezone",
    "time_limit",
    "memory_limit_mb",
    "pids_limit",
    "cpu_limit",
    "file_limit_mb",
    "output_limit_mb",
    "kill_grace",
    "manual_fulfils",
    "max_retries",
    "retry_delay",
    "retry_on_exit_codes",
)


def _template(help: str = "Id or name") -> Option:
    return identifier("--id", "--runtemplate_id", "--template", "--template-id", "--runtemplate", help=help)


def _credential() -> Option:
    return value("--credential_id", "--credential", help="Credential: id or name")


def _application() -> list[Option]:
    return [
        value("--app_id", "--app", help="Application: id, uuid, code or name"),
        value("--app_uuid", help="Application: uuid"),
    ]


def _settable() -> list[Option]:
    return [
        value("--name", help="Name"),
        *_application(),
        value("--company_id", help="Company: id or slug"),
        value("--company", help="Company: slug or id"),
        value("--interv", "--interval", help="n i h d w m y c, or the word"),
        optional("--cron", help="Cron expression; makes the interval custom"),
        value("--active", help="Whether it may run", type=BOOLEAN),
        value("--executor", help="Native, Docker, Podman, Kubernetes or Azure"),
        value("--config", help="NAME=VALUE, stored for every run", type=PAIR, multiple=True),
        value("--deadline_offset", help="+3h after the window's start, or HH:MM"),
        value("--max_attempts", help="Runs per window, the first included", type=Number(1)),
        value("--retry_backoff", help="none, fixed, linear or exponential"),
        value("--retry_min_gap", help="Seconds between runs of a window", type=COUNT),
        value("--allow_late", help="A late success counts", type=BOOLEAN),
        value("--max_retries", help="Retries per window", type=COUNT),
        value("--retry_delay", help="Seconds before a retry", type=COUNT),
        value("--retry_on_exit_codes", help="Only these codes are retried, e.g. 1,75"),
        value("--delay", help="Seconds added to the start", type=COUNT),
        value("--note", help="Free text"),
        value("--catch_up", help="Missed runs: latest, none or all"),
        value("--overlap", help="queue-one, skip or allow"),
        value("--max_parallel", help="With overlap allow: most jobs at once", type=COUNT),
        value("--timezone", help="Zone of the schedule, e.g. Europe/Prague"),
        *limit_options(),
        value("--kill_grace", help="Seconds between SIGTERM and SIGKILL", type=COUNT),
        value("--manual_fulfils", help="A run by hand fulfils the open window", type=BOOLEAN),
    ]


def _once() -> list[Option]:
    return [
        value("--config", help="NAME=VALUE for this run only", type=PAIR, multiple=True),
        value("--env", help="NAME=VALUE for this run only", type=PAIR, multiple=True),
    ]


@NOUN.command(
    "list",
    "List run templates",
    value("--company", help="Company: slug or id"),
    value("--company_id", help="Company: id or slug"),
    value("--app_uuid", help="Application: uuid"),
    listing(),
    value("--active", help="Only active or inactive ones", type=BOOLEAN),
    value("--search", help="Text in name or note"),
)
def list_templates(call: Call) -> Rows:
    from multiflexi.services import application, run_template
    from multiflexi.services.errors import NotFound
    from multiflexi.services.presenters.run_template import SORTABLE, row

    try:
        company = _company(call)
        app = application.find_by_uuid(call.reader, call["app_uuid"]) if call["app_uuid"] else None
    except NotFound:
        return Rows((), COLUMNS)
    found = run_template.query(
        call.reader,
        company_id=company.pk if company else None,
        app_id=app.pk if app else None,
        active=call["active"],
        search=call["search"],
    )
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command(
    "get",
    "Show a run template with its effective environment",
    _template(),
    value("--name", help="Name"),
    fields(),
    flag("--env-only", help="Only the environment"),
    flag("--export", help="The environment as shell lines, secrets left out"),
)
def get(call: Call) -> Result:
    from multiflexi.services.presenters.run_template import with_names
    from multiflexi.services.run_template_run import effective_environment

    found = _selected(call, "id", "name")
    if call["export"] or call["env_only"]:
        return _environment(effective_environment(found), shell=bool(call["export"]))
    record = with_names(found)
    if call.fields and set(call.fields) <= set(record):
        return Record(record)
    environment = effective_environment(found)
    free = {name: one for name, one in environment.items() if name not in record}
    return Record({**record, **free, "environment": environment})


@NOUN.command("create", "Create a run template", *_settable(), changes=True)
def create(call: Call) -> Done:
    from multiflexi.services import run_template
    from multiflexi.services.presenters.run_template import with_names

    name = call.need("name")
    call.need("app_id", "app_uuid")
    call.need("company_id", "company")
    values = {**_values(call), "name": name}
    made = run_template.create(
        call.actor, app=_app(call), company=_company(call), config=call.pairs("config"), **values
    )
    _warn_incomplete(call, made)
    _warn_unmasked(call, made)
    return Done(
        {"runtemplate_id": made.pk, "id": made.pk, "created": True},
        f"Run template {made.name} created, ID: {made.pk}",
        lambda: Record(with_names(made)),
    )


@NOUN.command(
    "update", "Change a run template", _template("Id, or name of the one to change"), *_settable(), changes=True
)
def update(call: Call) -> Done:
    from multiflexi.services import run_template
    from multiflexi.services.errors import Refused
    from multiflexi.services.presenters.run_template import with_names

    found = _selected(call, "id", "name")
    values = _values(call)
    if not call["id"]:
        values.pop("name", None)
    company = _company(call)
    if company and company.pk != found.company_id:
        raise Refused(
            "A run template stays with its company; create one for the other company instead.", "foreign_company"
        )
    app = _app(call) if call["app_id"] or call["app_uuid"] else None
    changed = run_template.update(call.actor, found, app=app, config=call.pairs("config"), **values)
    _warn_unmasked(call, found)
    line = f"Run template {found.pk} updated" if changed else f"Run template {found.pk}: nothing to change"
    return Done(
        {"runtemplate_id": found.pk, "updated": changed},
        line,
        lambda: Record(with_names(run_template.find(call.reader, found.pk))),
    )


@NOUN.command("delete", "Delete a run template with its jobs", _template(), dry_run(), changes=True)
def delete(call: Call) -> Done:
    from multiflexi.services import run_template

    found = _selected(call, "id")
    number = found.pk
    if call.dry_run:
        jobs = found.jobs.count()
        data = {"dry_run": True, "runtemplate_id": number, "jobs": jobs}
        return Done(data, f"Run template {number} would be deleted with {jobs} jobs")
    run_template.remove(call.actor, found)
    return Done({"runtemplate_id": number, "deleted": True}, f"Run template {number} deleted")


@NOUN.command(
    "clone",
    "Copy a run template with its values; the copy is inactive",
    _template(),
    value("--name", help="Name of the copy"),
    changes=True,
)
def clone(call: Call) -> Done:
    from multiflexi.services import run_template
    from multiflexi.services.presenters.run_template import with_names

    source = _selected(call, "id")
    made = run_template.clone(call.actor, source, call["name"])
    return Done(
        {"runtemplate_id": made.pk, "id": made.pk, "cloned_from": source.pk, "created": True},
        f"Run template {source.pk} copied, ID: {made.pk}",
        lambda: Record(with_names(made)),
    )


@NOUN.command(
    "schedule",
    "Run a run template once, now or later",
    _template(),
    optional("--schedule_time", "--scheduled", "--schedule", help="When", type=MOMENT, default="now"),
    optional("--executor", help="Another executor for this run"),
    *_once(),
    value("--schedule_type", help="What caused the run"),
    value("--company_id", "--company", help="Company the run template has to belong to"),
    wait_options(),
    flag("--output", help="Wait and show the output of the job"),
    dry_run(),
    changes=True,
)
def schedule(call: Call) -> Done:
    from multiflexi.cli.launch import launch

    return launch(call, call.need("id"), "schedule_time")


@NOUN.command("preview", "Show what would run now, without running it", _template(), *_once())
def preview(call: Call) -> Document:
    import shlex

    from multiflexi.services import run_template_run

    found = _selected(call, "id")
    data = run_template_run.preview(found, {**call.pairs("config"), **call.pairs("env")})

    def text() -> str:
        lines = [shlex.join(data["command"])]
        lines += [f"{one['name']}={one['value']}  ({one['source_name']})" for one in data["environment"]]
        lines += [f"Warning: {warning}" for warning in data["warnings"]]
        return "\n".join([*lines, *(f"Problem: {problem}" for problem in data["problems"])])

    complaint = f"Run template {found.pk} cannot start: {'; '.join(data['problems'])}"
    return Document(data, text, code=1 if data["problems"] else 0, complaint=complaint)


@NOUN.command("explain", "Show why it runs, waits or did not start", _template())
def explain(call: Call) -> Document:
    from multiflexi.cli.explained import sentences
    from multiflexi.cli.output.plain import plain
    from multiflexi.services.explain import run_template

    data = run_template.explain(call.reader, _selected(call, "id"))

    def text() -> str:
        shown = plain(data, lambda: call.zone)
        head = f"Run template {shown['runtemplate_id']}: {shown['state']}, next: {shown['next_schedule'] or 'never'}"
        slots = [f"{one['slot']}  {one['detail']}" for one in shown["last_slots"]]
        return "\n".join([head, *sentences(shown["reasons"]), *slots])

    return Document(data, text)


@NOUN.command(
    "stale",
    "List run templates that should have run already",
    value("--tolerance-hours", help="How late is too late", type=HOURS, default="6"),
)
def stale(call: Call) -> Document:
    from datetime import timedelta

    from multiflexi.services import run_template

    found = run_template.stale(call.reader, timedelta(hours=int(call["tolerance_hours"])))
    rows: list[Data] = [{name: getattr(one, name) for name in STALE_COLUMNS} for one in found]
    message = f"{len(rows)} stale run templates"
    data = {"status": "success", "message": message, "count": len(rows), "stale": rows}

    def text() -> str:
        return "\n".join([message, *(f"{row['id']}  {row['name']}  {row['next_schedule']}" for row in rows)])

    return Document(data, text)


@NOUN.command(
    "assign-credential",
    "Give a run template a credential, in place of the one of the same kind",
    _template(),
    _credential(),
    value("--position", help="Place in the order; a value of a later one wins", type=COUNT),
    changes=True,
)
def assign_credential(call: Call) -> Done:
    from multiflexi.cli.assigning import assign

    return assign(call, _selected(call, "id"))


@NOUN.command(
    "unassign-credential", "Take a credential away from a run template", _template(), _credential(), changes=True
)
def unassign_credential(call: Call) -> Done:
    from multiflexi.cli.assigning import unassign

    return unassign(call, _selected(call, "id"))


@NOUN.command("list-credentials", "List the credentials of a run template in their order", _template(), fields())
def list_credentials(call: Call) -> Rows:
    from multiflexi.cli.assigning import assigned

    return assigned(call, _selected(call, "id"))


def _environment(values: dict[str, str], *, shell: bool) -> Document:
    import shlex

    from multiflexi.vault.secrecy import MASK

    def text() -> str:
        if not shell:
            return "\n".join(f"{name}={one}" for name, one in values.items())
        hidden = [f"# {name} is secret and not exported" for name, one in values.items() if one == MASK]
        shown = [f"export {name}={shlex.quote(one)}" for name, one in values.items() if one != MASK]
        return "\n".join(shown + hidden)

    return Document(values, text)


def _selected(call: Call, *names: str) -> Any:
    from multiflexi.services import run_template

    return run_template.find(call.reader, call.need(*names))


def _app(call: Call) -> Any:
    from multiflexi.services import application

    if call["app_id"]:
        return application.find(call.reader, call["app_id"])
    return application.find_by_uuid(call.reader, call["app_uuid"])


def _company(call: Call) -> Any:
    from multiflexi.services import company

    reference = call["company_id"] or call["company"]
    return company.find(call.reader, reference) if reference else None


def _values(call: Call) -> dict[str, Any]:
    return call.given(*SETTABLE)


def _warn_incomplete(call: Call, template: Any) -> None:
    from multiflexi.services import run_template

    names = run_template.missing(template)
    if names:
        call.warn(f"Warning: no job is made until these are set: {', '.join(names)}")


def _warn_unmasked(call: Call, template: Any) -> None:
    from multiflexi.services import run_template_config

    names = run_template_config.unmasked(template, call.pairs("config"))
    call.warn_all(f"{name} is too short or too common to be masked in the output of jobs." for name in names)
