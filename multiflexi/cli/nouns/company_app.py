"""Commands of the noun "company-app"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, flag, listing, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Done, Rows

NOUN = Noun("company-app", "Applications switched on for companies")
COLUMNS = ("id", "company_slug", "app_id", "app_name", "app_uuid")


def _pair() -> list[Option]:
    return [
        value("--company_id", "--company", help="Company: id or slug"),
        value("--app_id", "--app", help="Application: id, uuid, code or name"),
        value("--app_uuid", help="Application: uuid"),
    ]


def _ignored() -> Option:
    return value("--id", help="Accepted from old scripts, no meaning")


@NOUN.command("list", "List assignments", *_pair(), _ignored(), listing())
def list_assignments(call: Call) -> Rows:
    from multiflexi.services import company_app
    from multiflexi.services.errors import NotFound
    from multiflexi.services.presenters.company_app import SORTABLE, row

    _warn_ignored(call)
    try:
        company, app = _chosen(call)
    except NotFound:
        return Rows((), COLUMNS)
    found = call.page.of(company_app.query(call.reader, company=company, app=app), SORTABLE)
    return Rows((row(pair, template) for pair, template in company_app.listed(found)), COLUMNS)


@NOUN.command("assign", "Switch an application on for a company", *_pair(), _ignored(), changes=True)
def assign(call: Call) -> Done:
    from multiflexi.services import company_app

    company, app = _needed(call)
    assigned = company_app.assign(call.actor, company, app)
    data: dict[str, Any] = {"company_id": company.pk, "app_id": app.pk}
    if not assigned.created:
        message = f"Application {app.name} is already assigned to company {company.name}"
        return Done({"status": "ok", "message": message, **data}, message)
    message = f"Application {app.name} assigned to company {company.name}"
    template = assigned.runtemplate.pk if assigned.runtemplate else None
    return Done(
        {"status": "success", "message": message, **data, "runtemplate_id": template},
        f"{message}, run template ID: {template}",
    )


@NOUN.command(
    "unassign",
    "Switch an application off for a company",
    *_pair(),
    _ignored(),
    flag("--purge", help="Delete run templates that have run, too, with their jobs"),
    dry_run(),
    changes=True,
)
def unassign(call: Call) -> Done:
    from multiflexi.models import RunTemplate
    from multiflexi.services import company_app

    company, app = _needed(call)
    data: dict[str, Any] = {"company_id": company.pk, "app_id": app.pk}
    if call.dry_run:
        rows = RunTemplate.objects.filter(company=company, app=app, archived_at=None).order_by("pk")
        ids = list(rows.values_list("pk", flat=True))
        return Done({"dry_run": True, **data, "removed_runtemplates": ids}, f"{len(ids)} run templates would go")
    removed = company_app.unassign(call.actor, company, app, purge=bool(call["purge"]))
    if removed is None:
        message = f"Application {app.name} is not assigned to company {company.name}"
        return Done({"status": "ok", "message": message, **data, "removed_runtemplates": []}, message)
    message = f"Application {app.name} unassigned from company {company.name}"
    return Done({"status": "success", "message": message, **data, "removed_runtemplates": removed}, message)


def _chosen(call: Call) -> tuple[Any, Any]:
    from multiflexi.services import application, company

    _warn_ignored(call)
    found = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    if call["app_id"]:
        return found, application.find(call.reader, call["app_id"])
    return found, application.find_by_uuid(call.reader, call["app_uuid"]) if call["app_uuid"] else None


def _needed(call: Call) -> tuple[Any, Any]:
    if not call["company_id"] or not (call["app_id"] or call["app_uuid"]):
        raise wrong_use("Options --company_id and --app_id or --app_uuid are required.")
    return _chosen(call)


def _warn_ignored(call: Call) -> None:
    if call["id"]:
        call.warn("Warning: --id has no meaning here and is ignored.")
        call.options["id"] = None
