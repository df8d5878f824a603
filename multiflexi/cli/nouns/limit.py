"""Commands of the noun "limit"."""

from __future__ import annotations

from typing import Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, identifier, listing, value
from multiflexi.cli.output.results import Done, Record, Rows
from multiflexi.cli.values import COUNT

NOUN = Noun("limit", "At most so many jobs at once against one thing, such as a bank")
COLUMNS = ("id", "name", "company_id", "maximum", "used", "apps", "credential_types")


def _users() -> list[Option]:
    return [
        value("--app", "--app_id", help="Application it applies to: id, uuid, code or name", multiple=True),
        value("--credential-type", help="Credential type it applies to: id, uuid or name", multiple=True),
    ]


@NOUN.command(
    "list",
    "List limits with the jobs that hold their places",
    value("--company_id", "--company", help="Company: id or slug"),
    value("--search", help="Text in the name"),
    listing(),
)
def list_limits(call: Call) -> Rows:
    from multiflexi.services import company, limit
    from multiflexi.services.presenters.limit import SORTABLE, row

    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    found = limit.query(call.reader, company=owner, search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE)), COLUMNS, empty="No limits found.")


@NOUN.command("get", "Show a limit", identifier("--id", help="Id or name"), fields())
def get(call: Call) -> Record:
    from multiflexi.services.presenters.limit import row

    return Record(row(_selected(call)))


@NOUN.command(
    "create",
    "Create a limit",
    value("--name", help="Name"),
    value("--maximum", "--max", help="Most jobs at once; 0 stops all of them", type=COUNT),
    value("--company_id", "--company", help="Company it binds: id or slug; without it all companies together"),
    _users(),
    changes=True,
)
def create(call: Call) -> Done:
    from multiflexi.services import company, limit

    owner = company.find(call.reader, call["company_id"]) if call["company_id"] else None
    made = limit.create(
        call.actor,
        name=call.need("name"),
        maximum=call.need("maximum"),
        company=owner,
        users=_found(call, "app", "credential_type"),
    )
    return Done(
        {"limit_id": made.pk, "created": True}, f"Limit {made.name} created, ID: {made.pk}", _record(call, made)
    )


@NOUN.command(
    "update",
    "Change a limit or what it applies to",
    identifier("--id", help="Id or name"),
    value("--name", help="New name"),
    value("--maximum", "--max", help="Most jobs at once; 0 stops all of them", type=COUNT),
    _users(),
    value("--remove-app", help="Application it shall not apply to any more", multiple=True),
    value("--remove-credential-type", help="Credential type it shall not apply to any more", multiple=True),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import limit

    found = _selected(call)
    changed = limit.update(
        call.actor,
        found,
        add=_found(call, "app", "credential_type"),
        remove=_found(call, "remove_app", "remove_credential_type"),
        **call.given("name", "maximum"),
    )
    line = f"Limit {found.pk} updated" if changed else f"Limit {found.pk}: nothing to change"
    return Done({"limit_id": found.pk, "updated": changed}, line, _record(call, found))


@NOUN.command("delete", "Delete a limit", identifier("--id", help="Id or name"), dry_run(), changes=True)
def delete(call: Call) -> Done:
    from multiflexi.services import limit

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        return Done({"dry_run": True, "limit_id": number}, f"Limit {number} would be deleted")
    limit.remove(call.actor, found)
    return Done({"deleted": True, "limit_id": number}, f"Limit {number} deleted")


def _selected(call: Call) -> Any:
    from multiflexi.services import limit

    return limit.find(call.reader, call.need("id"))


def _found(call: Call, apps: str, types: str) -> list[Any]:
    from multiflexi.services import application, credential_type

    return [
        *(application.find(call.reader, one) for one in call[apps]),
        *(credential_type.find(call.reader, one) for one in call[types]),
    ]


def _record(call: Call, which: Any) -> Any:
    def record() -> Record:
        from multiflexi.services import limit
        from multiflexi.services.presenters.limit import row

        return Record(row(limit.find(call.reader, which.pk)))

    return record
