"""Commands of the noun "event-source"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, identifier, listing, value
from multiflexi.cli.output.results import Document, Done, Record, Rows
from multiflexi.cli.values import BOOLEAN, COUNT

if TYPE_CHECKING:
    from multiflexi.models import EventSource

NOUN = Noun("event-source", "Where events come from")
COLUMNS = ("id", "enabled", "name", "adapter_type", "db_host", "db_database", "state")
SETTABLE = (
    "name",
    "adapter_type",
    "db_connection",
    "db_host",
    "db_port",
    "db_database",
    "db_username",
    "poll_interval",
    "enabled",
)
DEFAULTS = {
    "db_connection": "mysql",
    "db_host": "localhost",
    "db_port": "3306",
    "poll_interval": "60",
    "enabled": "1",
}


def _settable(defaults: dict[str, str]) -> list[Option]:
    return [
        value("--name", help="Name"),
        value("--adapter_type", help="How its changes are read, e.g. abraflexi-webhook"),
        _with_default("--db_connection", defaults, help="mysql, pgsql or sqlite"),
        _with_default("--db_host", defaults, help="Host"),
        _with_default("--db_port", defaults, help="Port"),
        value("--db_database", help="Database, or path of its file"),
        value("--db_username", "--username", help="Login"),
        value("--db_password", "--password", help="Password; - reads standard input", secret=True),
        value("--dsn", help="All of these at once: mysql://LOGIN@HOST:PORT/DATABASE"),
        _with_default("--poll_interval", defaults, help="Seconds between looks at it", type=COUNT),
        _with_default("--enabled", defaults, help="Whether it is looked at", type=BOOLEAN),
        value("--company_id", "--company", help="Only for this company: id or slug; empty = for all"),
    ]


def _with_default(name: str, defaults: dict[str, str], **rest: Any) -> Option:
    return value(name, default=defaults.get(name.removeprefix("--")), **rest)


@NOUN.command(
    "list",
    "List event sources",
    listing(),
    value("--enabled", help="Only enabled or disabled ones", type=BOOLEAN),
    value("--search", help="Text in name or adapter type"),
)
def list_sources(call: Call) -> Rows:
    from multiflexi.services import event_source
    from multiflexi.services.presenters.event_source import SORTABLE, row

    found = event_source.query(call.reader, enabled=call["enabled"], search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command("get", "Show an event source, its password masked", identifier("--id", help="Id or name"), fields())
def get(call: Call) -> Record:
    return _record(call, _selected(call))


@NOUN.command("create", "Create an event source", *_settable(DEFAULTS), changes=True)
def create(call: Call) -> Done:
    from multiflexi.services import event_source

    call.need("name")
    made = event_source.create(call.actor, **_values(call))
    return Done(
        {"id": made.pk, "created": True},
        f"Event source {made.name} created, ID: {made.pk}",
        lambda: _record(call, made),
    )


@NOUN.command(
    "update",
    "Change an event source; a masked or empty password leaves the stored one",
    identifier("--id", help="Id or name"),
    *_settable({}),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import event_source

    found = _selected(call)
    changed = event_source.update(call.actor, found, **_values(call))
    line = f"Event source {found.pk} updated" if changed else f"Event source {found.pk}: nothing to change"
    return Done({"updated": changed, "id": found.pk}, line, lambda: _record(call, found))


@NOUN.command(
    "remove", "Delete an event source with its rules", identifier("--id", help="Id or name"), dry_run(), changes=True
)
def remove(call: Call) -> Done:
    from multiflexi.services import event_source

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        rules = list(found.rules.order_by("pk").values_list("pk", flat=True))
        data = {"dry_run": True, "removed": False, "id": number, "event_rules": rules}
        return Done(data, f"Event source {number} would be deleted with {len(rules)} rules")
    event_source.remove(call.actor, found)
    return Done({"removed": True, "id": number}, f"Event source {number} deleted")


@NOUN.command(
    "test",
    "Try whether an event source can be reached with its login",
    identifier("--id", help="Id or name"),
    changes=True,
)
def test(call: Call) -> Document:
    from multiflexi.services import event_source

    found = _selected(call)
    result = event_source.test(call.actor, found)
    reached = event_source.is_reached(result)
    data = {"reachable": reached, "id": found.pk, "message": result.message}
    if not reached:
        call.warn(f"Event source {found.name} is not reachable: {result.message}")
    return Document(data, lambda: f"Event source {found.name} is reachable" if reached else "", code=int(not reached))


def _selected(call: Call) -> EventSource:
    from multiflexi.services import event_source

    return event_source.find(call.reader, call.need("id"))


def _values(call: Call) -> dict[str, Any]:
    values = call.given(*SETTABLE)
    if call["dsn"]:
        from multiflexi.cli.dsn import parts

        values |= parts(call["dsn"])
    if call["db_password"]:
        values["db_password"] = call.text_or_input("db_password")
    if call["company_id"] is not None:
        from multiflexi.services import company

        values["company_id"] = company.find(call.reader, call["company_id"]).pk if call["company_id"] else None
    return values


def _record(call: Call, source: EventSource) -> Record:
    from multiflexi.services import event_source
    from multiflexi.services.presenters.event_source import row

    return Record(row(event_source.find(call.reader, source.pk)))
