"""Commands of the noun "credential-prototype"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, fields, flag, identifier, listing, value
from multiflexi.cli.output.results import Record, Result, Rows
from multiflexi.cli.values import PATH

if TYPE_CHECKING:
    from multiflexi.manifests.reports import ImportReport

NOUN = Noun("credential-prototype", "Kinds of credentials")
COLUMNS = ("id", "code", "name", "version", "uuid")


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
