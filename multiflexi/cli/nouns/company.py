"""Commands of the noun "company"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, flag, identifier, listing, optional, value
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Done, Record, Result, Rows
from multiflexi.cli.values import BOOLEAN, COUNT, ENABLED, MOMENT

NOUN = Noun("company", "Tenants: everything else belongs to one of them")
COLUMNS = ("id", "enabled", "name", "slug", "ic", "email")
SETTABLE = (
    "name",
    "customer",
    "enabled",
    "settings",
    "logo",
    "ic",
    "slug",
    "email",
    "zabbix_host",
    "dic",
    "phone",
    "timezone",
    "language",
    "color",
    "max_running",
)


def _settable() -> list[Option]:
    return [
        value("--name", help="Name"),
        optional("--customer", help="Contact id", type=COUNT),
        optional("--enabled", "--status", help="Whether anything is scheduled for it", type=ENABLED),
        optional("--settings", help="JSON object"),
        optional("--logo", help="Data URI of the logo"),
        optional("--ic", help="Registration number"),
        value("--email", help="Notification address"),
        optional("--zabbix_host", help="Host name in monitoring"),
        value("--dic", help="Tax number"),
        value("--phone", help="Phone"),
        value("--timezone", help="Zone of its run templates, e.g. Europe/Prague"),
        value("--language", help="Language of notifications"),
        value("--color", help="Colour, e.g. #C0C0C0"),
        value("--max_running", help="Most jobs at once; empty = no limit", type=COUNT),
        value("--DatCreate", help="Creation time", type=MOMENT),
        value("--DatUpdate", help="Time of the last change", type=MOMENT),
    ]


@NOUN.command(
    "list",
    "List companies",
    listing(),
    value("--enabled", help="Only enabled or disabled ones", type=BOOLEAN),
    value("--search", help="Text in name, slug or registration number"),
)
def list_companies(call: Call) -> Rows:
    from multiflexi.services import company
    from multiflexi.services.presenters.company import SORTABLE, row

    found = company.query(call.reader, enabled=call["enabled"], search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command(
    "get",
    "Show a company",
    identifier("--id", help="Id or slug"),
    optional("--ic", help="Registration number"),
    value("--name", help="Name"),
    value("--slug", "--code", help="Short name"),
    fields(),
)
def get(call: Call) -> Record:
    from multiflexi.services import company
    from multiflexi.services.presenters.company import row

    call.need("id", "ic", "name", "slug")
    keys = {name: call[name] for name in ("id", "ic", "name", "slug")}
    return Record(row(company.find_by(call.reader, **keys)))


@NOUN.command(
    "create",
    "Create a company",
    *_settable(),
    value("--slug", "--code", help="Short name, else made of the name"),
    changes=True,
)
def create(call: Call) -> Done:
    from multiflexi.services import company
    from multiflexi.services.presenters.company import row

    call.need("name")
    made = company.create(call.actor, **_values(call))
    return Done(
        {"company_id": made.pk, "id": made.pk}, f"Company {made.name} created, ID: {made.pk}", lambda: Record(row(made))
    )


@NOUN.command(
    "update",
    "Change a company",
    identifier("--id", help="Id or slug"),
    *_settable(),
    optional("--slug", "--code", help="New short name; without --id the short name of the company to change"),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import company
    from multiflexi.services.presenters.company import row

    reference = call.need("id", "slug")
    values = _values(call)
    if not call["id"]:
        values.pop("slug", None)
    found = company.find(call.reader, reference)
    changed = company.update(call.actor, found, **values)
    data: dict[str, Any] = {"updated": changed, "company_id": found.pk}
    if not changed:
        data["message"] = "Nothing to change"
    line = f"Company {found.pk} updated" if changed else f"Company {found.pk}: nothing to change"
    return Done(data, line, lambda: Record(row(found)))


@NOUN.command(
    "remove",
    "Delete a company",
    identifier("--id", help="Id or slug"),
    flag("--cascade", help="Delete everything that belongs to it, too"),
    dry_run(),
    changes=True,
)
def remove(call: Call) -> Done:
    from multiflexi.services import company
    from multiflexi.services.company_removal import dependants

    found = company.find(call.reader, call.need("id"))
    number = found.pk
    if call.dry_run:
        data = {"dry_run": True, "company_id": number, "removed": False, "dependants": dependants(found)}
        return Done(data, f"Company {number} would be deleted")
    if call["cascade"]:
        call.confirm(f"Delete company {found.name} with its run templates, jobs and credentials?")
    company.remove(call.actor, found, cascade=bool(call["cascade"]))
    return Done({"company_id": number, "removed": True}, f"Company {number} deleted")


@NOUN.command(
    "env",
    "Variables that every job of the company gets: list, set, unset, export",
    identifier("--action", help="list, set, unset or export"),
    value("--company_id", "--company", help="Id or slug"),
    value("--key", help="Name of the variable"),
    value("--value", help="Its value; - reads standard input"),
    optional("--secret", help="Keep it sealed and masked", type=BOOLEAN, bare="1"),
    listing(),
    changes=True,
)
def env(call: Call) -> Result:
    from multiflexi.services import company

    found = company.find(call.reader, call.need("company_id"))
    action = str(call.get("action") or "list")
    if action not in ENV_ACTIONS:
        raise wrong_use(f'"{action}" is no action of company:env; use {", ".join(ENV_ACTIONS)}.')
    return ENV_ACTIONS[action](call, found)


def _env_list(call: Call, company: Any) -> Rows:
    from multiflexi.services import company_env
    from multiflexi.services.lists import same
    from multiflexi.services.presenters.company import variable

    found = call.page.of(company_env.query(company), same("id", "keyword", "secret"))
    return Rows(map(variable, found), ("keyword", "value", "secret"))


def _env_set(call: Call, company: Any) -> Done:
    from multiflexi.services import company_env
    from multiflexi.services.presenters.company import variable
    from multiflexi.vault.forms import is_maskable

    key = call.need("key")
    if call["value"] is None:
        raise wrong_use("Option --value is required.")
    given = call.text_or_input("value")
    entry = company_env.set_value(call.actor, company, key, given, secret=call["secret"])
    if entry.secret and given and not is_maskable(given):
        call.warn(f"Warning: {key} is too short or too common to be masked in the output of jobs.")
    data = {"status": "success", "company_id": company.pk, "key": key, "secret": entry.secret}
    return Done(data, f"Variable {key} of company {company.pk} stored", lambda: Record(variable(entry)))


def _env_unset(call: Call, company: Any) -> Done:
    from multiflexi.services import company_env

    key = call.need("key")
    company_env.unset(call.actor, company, key)
    data = {"status": "success", "company_id": company.pk, "key": key, "removed": True}
    return Done(data, f"Variable {key} of company {company.pk} removed")


def _env_export(call: Call, company: Any) -> Result:
    import shlex

    from multiflexi.cli.output.results import Document
    from multiflexi.services import company_env

    values = {entry.keyword: None if entry.secret else entry.value for entry in company_env.query(company)}
    shown = [f"export {name}={shlex.quote(text)}" for name, text in values.items() if text is not None]
    hidden = [f"# {name} is secret and not exported" for name, text in values.items() if text is None]
    return Document(values, lambda: "\n".join(shown + hidden))


ENV_ACTIONS: dict[str, Callable[[Call, Any], Result]] = {
    "list": _env_list,
    "set": _env_set,
    "unset": _env_unset,
    "export": _env_export,
}


def _values(call: Call) -> dict[str, Any]:
    values = call.given(*SETTABLE)
    for option, column in (("datcreate", "created_at"), ("datupdate", "updated_at")):
        if call.get(option):
            values[column] = call.moment(option)
    return values
