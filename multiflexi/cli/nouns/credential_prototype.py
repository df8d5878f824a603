"""Commands of the noun "credential-prototype"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, flag, identifier, listing, value
from multiflexi.cli.output.results import Done, Record, Result, Rows
from multiflexi.cli.values import PATH

if TYPE_CHECKING:
    from multiflexi.manifests.reports import ImportReport

NOUN = Noun("credential-prototype", "Kinds of credentials")
COLUMNS = ("id", "code", "name", "version", "uuid")


def _settable() -> list[Option]:
    return [
        value("--code", help="Code, the word by which applications require it"),
        value("--name", help="Name"),
        value("--uuid", help="Uuid; without it a new one"),
        value("--description", help="Description"),
        value("--prototype-version", help="Version, 1.0 at first"),
        value("--logo", help="Name or data URI of the logo"),
        value("--url", help="Address of the service"),
    ]


@NOUN.command("list", "List credential prototypes", listing(), value("--search", help="Text in code or name"))
def list_prototypes(call: Call) -> Rows:
    from multiflexi.services import credential_prototype
    from multiflexi.services.presenters.credential_prototype import SORTABLE, row

    found = credential_prototype.query(call.reader, search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command(
    "get",
    "Show a credential prototype with its fields",
    identifier("--id", help="Id, uuid or code"),
    value("--uuid", help="Uuid"),
    value("--code", help="Code"),
    fields(),
)
def get(call: Call) -> Record:
    from multiflexi.services.presenters.credential_prototype import with_fields

    return Record(with_fields(_selected(call)))


@NOUN.command("create", "Create a credential prototype without fields", *_settable(), changes=True)
def create(call: Call) -> Done:
    from multiflexi.services import credential_prototype
    from multiflexi.services.presenters.credential_prototype import with_fields

    made = credential_prototype.create(
        call.actor, **(_columns(call) | {"code": call.need("code"), "name": call.need("name")})
    )
    message = f"Credential prototype {made.code} created, ID: {made.pk}"
    data = {"status": "success", "message": message, "id": made.pk, "code": made.code, "uuid": str(made.uuid)}
    return Done(data, message, lambda: Record(with_fields(made)))


@NOUN.command(
    "update",
    "Change a credential prototype; with --id also its code and uuid",
    identifier("--id", help="Id, uuid or code"),
    *_settable(),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import credential_prototype
    from multiflexi.services.presenters.credential_prototype import with_fields

    found = credential_prototype.find(call.reader, call.need("id", "uuid", "code"))
    columns = _columns(call)
    if not call["id"]:
        columns.pop("uuid" if call["uuid"] else "code")
    changed = credential_prototype.update(call.actor, found, **columns)
    done = " updated" if changed else ": nothing to change"
    data = {"updated": changed, "credential_prototype_id": found.pk, "id": found.pk}
    return Done(
        data,
        f"Credential prototype {found.pk}{done}",
        lambda: Record(with_fields(credential_prototype.find(call.reader, found.pk))),
    )


@NOUN.command(
    "delete",
    "Delete a credential prototype",
    identifier("--id", help="Id, uuid or code"),
    value("--uuid", help="Uuid"),
    value("--code", help="Code"),
    dry_run(),
    changes=True,
)
def delete(call: Call) -> Done:
    from multiflexi.services import definitions

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        types = list(found.types.order_by("pk").values_list("pk", flat=True))
        data = {"dry_run": True, "credential_prototype_id": number, "credential_types": types}
        return Done(data, f"Credential prototype {number} would be deleted; credential types of it: {len(types)}")
    definitions.delete_prototype(call.actor, found)
    return Done({"deleted": True, "credential_prototype_id": number}, f"Credential prototype {found.code} deleted")


@NOUN.command("sync", "Store the definitions that installed providers ship", dry_run(), changes=True)
def sync(call: Call) -> Done:
    from multiflexi.cli.progress import working
    from multiflexi.services import prototype_sync

    with working(call, "Reading the definitions of providers"):
        outcome = prototype_sync.sync(call.actor, dry_run=call.dry_run)
    call.warn(*outcome.problems)
    counts = ("processed", "created", "updated", "errors", "skipped")
    data = {name: getattr(outcome, name) for name in counts} | ({"dry_run": True} if call.dry_run else {})
    line = ", ".join(f"{name}: {getattr(outcome, name)}" for name in counts)
    return Done(data, line, code=1 if outcome.errors else 0)


@NOUN.command(
    "import-json",
    "Create or update credential prototypes from definition files",
    value("--file", "--json", help="File or directory; - = standard input", type=PATH, positional="many"),
    flag("--strict", help="Refuse files that deviate from the schema"),
    flag("--keep-going", help="Exit code 0 although files were rejected"),
    flag("--allow-downgrade", help="Store an older version, too"),
    dry_run(),
    changes=True,
)
def import_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import import_files
    from multiflexi.services import definitions

    def importer(content: bytes, origin: str, path: Path | None) -> ImportReport:
        return definitions.import_prototype(
            call.actor,
            content,
            origin,
            strict=bool(call["strict"]),
            allow_downgrade=bool(call["allow_downgrade"]),
            dry_run=call.dry_run,
        )

    return import_files(call, importer, _imported)


@NOUN.command(
    "export-json",
    "Write the definition file of a credential prototype",
    identifier("--id", help="Id, uuid or code"),
    value("--uuid", help="Uuid"),
    value("--code", help="Code"),
    value("--file", "--json", help="Target; - = standard output", type=PATH),
)
def export_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import write
    from multiflexi.services import definitions

    return write(call, definitions.export_prototype(_selected(call)), call["file"] or "-")


@NOUN.command(
    "validate-json",
    "Check a definition file against the schema",
    value("--file", "--json", help="Definition file; - = standard input", type=PATH, positional="one"),
    database=False,
)
def validate_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import validate

    return validate(call, "credential-prototype")


def _columns(call: Call) -> dict[str, Any]:
    given = call.given("code", "name", "uuid", "description", "logo", "url")
    return {**given, **({"version": call["prototype_version"]} if call["prototype_version"] else {})}


def _selected(call: Call) -> Any:
    from multiflexi.services import credential_prototype

    return credential_prototype.find(call.reader, call.need("id", "uuid", "code"))


def _imported(report: ImportReport) -> dict[str, Any]:
    number = report.record.pk if report.record else None
    return {
        "credential_prototype_id": number,
        "id": number,
        "imported": report.accepted,
        "updated": report.result.value == "updated",
    }
