"""Commands of the noun "event-rule"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, identifier, listing, value
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import BOOLEAN, INTEGER, OBJECT

if TYPE_CHECKING:
    from multiflexi.models import EventRule

NOUN = Noun("event-rule", "What is run on an event")
COLUMNS = ("id", "enabled", "event_source_id", "evidence", "operation", "runtemplate_id", "priority")
SETTABLE = ("name", "evidence", "operation", "priority", "enabled", "env_mapping")
DEFAULTS = {"operation": "any", "priority": "0", "enabled": "1"}


def _settable(defaults: dict[str, str]) -> list[Option]:
    return [
        _source(),
        value("--evidence", help="Kind of record, e.g. faktura-vydana; empty = every kind"),
        value("--operation", help="any, create, update or delete", default=defaults.get("operation")),
        value("--runtemplate_id", "--template", "--runtemplate", help="Run template that it starts: id or name"),
        value("--priority", help="Higher ones come first", type=INTEGER, default=defaults.get("priority")),
        value("--enabled", help="Whether it counts", type=BOOLEAN, default=defaults.get("enabled")),
        value("--env_mapping", help='JSON object of variables and selectors, e.g. {"ID": "recordid"}', type=OBJECT),
        value("--condition", "--conditions", help="JSON object of conditions on the event", type=OBJECT),
        value("--runtemplate_source_id", help="Instead of a source: the run template whose end is the event"),
        value("--name", help="Name"),
    ]


def _source() -> Option:
    return value("--event_source_id", "--eventsource_id", help="Event source: id or name")


@NOUN.command(
    "list",
    "List event rules",
    listing(),
    _source(),
    value("--company_id", "--company", help="Company: id or slug"),
    value("--enabled", help="Only enabled or disabled ones", type=BOOLEAN),
)
def list_rules(call: Call) -> Rows:
    from multiflexi.services import company, event_rule, event_source
    from multiflexi.services.errors import NotFound
    from multiflexi.services.presenters.event_rule import SORTABLE, row

    try:
        owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
        source = event_source.find(call.reader, call["event_source_id"]) if call["event_source_id"] else None
    except NotFound:
        return Rows((), COLUMNS)
    found = event_rule.query(call.reader, company_id=owner.pk if owner else None, enabled=call["enabled"])
    if source:
        found = found.filter(event_source=source)
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command("get", "Show an event rule", identifier("--id", help="Id"), fields())
def get(call: Call) -> Record:
    return _record(call, _selected(call))


@NOUN.command("create", "Create an event rule", *_settable(DEFAULTS), changes=True)
def create(call: Call) -> Done:
    from multiflexi.services import event_rule

    call.need("event_source_id", "runtemplate_source_id")
    call.need("runtemplate_id")
    made = event_rule.create(call.actor, **_values(call))
    return Done({"id": made.pk, "created": True}, f"Event rule created, ID: {made.pk}", lambda: _record(call, made))


@NOUN.command("update", "Change an event rule", identifier("--id", help="Id"), *_settable({}), changes=True)
def update(call: Call) -> Done:
    from multiflexi.services import event_rule

    found = _selected(call)
    changed = event_rule.update(call.actor, found, **_values(call))
    line = f"Event rule {found.pk} updated" if changed else f"Event rule {found.pk}: nothing to change"
    return Done({"updated": changed, "id": found.pk}, line, lambda: _record(call, found))


@NOUN.command("remove", "Delete an event rule", identifier("--id", help="Id"), dry_run(), changes=True)
def remove(call: Call) -> Done:
    from multiflexi.services import event_rule

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        return Done({"dry_run": True, "removed": False, "id": number}, f"Event rule {number} would be deleted")
    event_rule.remove(call.actor, found)
    return Done({"removed": True, "id": number}, f"Event rule {number} deleted")


def _selected(call: Call) -> EventRule:
    from multiflexi.services import event_rule

    return event_rule.find(call.reader, call.need("id"))


def _values(call: Call) -> dict[str, Any]:
    from multiflexi.services import event_source, run_template

    # An empty number leaves the stored one, it cannot be nothing.
    values = {name: one for name, one in call.given(*SETTABLE).items() if (name, one) != ("priority", "")}
    if call["condition"] is not None:
        values["conditions"] = call["condition"]
    for name, service in (
        ("event_source_id", event_source),
        ("runtemplate_id", run_template),
        ("runtemplate_source_id", run_template),
    ):
        if call[name]:
            values[name] = service.find(call.reader, call[name]).pk
    return values


def _record(call: Call, rule: EventRule) -> Record:
    from multiflexi.services import event_rule
    from multiflexi.services.presenters.event_rule import row

    return Record(row(event_rule.find(call.reader, rule.pk)))
