"""Commands of the noun "application"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, flag, identifier, listing, optional, value
from multiflexi.cli.limit_options import limit_options
from multiflexi.cli.output.results import Done, Record, Result, Rows
from multiflexi.cli.values import BOOLEAN, PATH

if TYPE_CHECKING:
    from multiflexi.manifests.reports import ImportReport, RemovalReport

NOUN = Noun("application", "What can be run")
COLUMNS = ("id", "enabled", "name", "version", "code", "uuid")
CONFIG_COLUMNS = ("code", "type", "required", "default", "secret", "category")
SETTABLE = (
    "name",
    "description",
    "tags",
    "executable",
    "ociimage",
    "requirements",
    "homepage",
    "image",
    "code",
    "enabled",
    "cmdparams",
    "setup",
    "deploy",
    "resultfile",
    "sandbox",
    "time_limit",
    "memory_limit_mb",
    "pids_limit",
    "cpu_limit",
    "file_limit_mb",
    "output_limit_mb",
)


def _settable() -> list[Option]:
    return [
        value("--name", help="Name"),
        optional("--description", help="Description"),
        value("--tags", "--topics", help="Keywords, separated by commas"),
        value("--executable", help="Program to run"),
        value("--uuid", help="Identity; another text stands for a UUID made of it"),
        optional("--ociimage", help="Container image"),
        optional("--requirements", help="Kinds of credentials, separated by commas"),
        optional("--homepage", help="Project page"),
        optional("--appversion", help="Version"),
        value("--image", help="Icon as data URI or address"),
        value("--code", help="Short name"),
        value("--enabled", help="Whether it may run", type=BOOLEAN),
        value("--cmdparams", help="Arguments, with {NAME} for variables"),
        value("--setup", help="Program that prepares it for a company"),
        value("--deploy", help="How to install it"),
        value("--resultfile", help="Variable that names the result file"),
        value("--sandbox", help="Walls of Native jobs: none, restricted or isolated"),
        *limit_options(),
    ]


@NOUN.command(
    "list",
    "List applications",
    listing(),
    value("--enabled", help="Only enabled or disabled ones", type=BOOLEAN),
    value("--search", help="Text in name, code or executable"),
)
def list_applications(call: Call) -> Rows:
    from multiflexi.services import application
    from multiflexi.services.presenters.application import SORTABLE, row

    found = application.query(call.reader, enabled=call["enabled"], search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator(chunk_size=1000)), COLUMNS)


@NOUN.command(
    "get",
    "Show an application",
    identifier("--id", help="Id, uuid, code or name"),
    value("--uuid", help="Uuid"),
    value("--name", help="Name"),
    fields(),
)
def get(call: Call) -> Record:
    from multiflexi.services.presenters.application import row

    return Record(row(selected(call)))


@NOUN.command("create", "Create an application", *_settable(), changes=True)
def create(call: Call) -> Done:
    from multiflexi.manifests.identity import is_uuid
    from multiflexi.services import application
    from multiflexi.services.presenters.application import row

    for name in ("name", "executable"):
        call.need(name)
    given = call["uuid"]
    made = application.create(call.actor, uuid=given, **_values(call))
    if not given or not is_uuid(given):
        call.warn(f"Warning: no UUID was given, so {made.uuid} was made of {'the text' if given else 'the definition'}")
    return Done(
        {"application_id": made.pk, "id": made.pk, "uuid": made.uuid},
        f"Application {made.name} created, ID: {made.pk}",
        lambda: Record({**row(made), "status": "created", "application": row(made)}),
    )


@NOUN.command(
    "update", "Change an application", identifier("--id", help="Id, uuid, code or name"), *_settable(), changes=True
)
def update(call: Call) -> Done:
    from multiflexi.cli.output.errors import Failure, Rejected
    from multiflexi.services import application
    from multiflexi.services.presenters.application import row

    call.need("id", "uuid")
    found = selected(call)
    values = _values(call)
    if call["id"] and call["uuid"]:
        values["uuid"] = call["uuid"]
    if not values:
        raise Rejected(Failure("Nothing to change; give at least one option with a new value.", "nothing_to_change"))
    changed = application.update(call.actor, found, **values)
    line = f"Application {found.pk} updated" if changed else f"Application {found.pk}: nothing to change"
    return Done({"updated": changed, "application_id": found.pk}, line, lambda: Record(row(found)))


@NOUN.command(
    "delete", "Delete an application", identifier("--id", help="Id, uuid, code or name"), dry_run(), changes=True
)
def delete(call: Call) -> Done:
    from multiflexi.services import application, definitions

    found = application.find(call.reader, call.need("id"))
    number = found.pk
    if call.dry_run:
        report = definitions.remove_application(call.actor, found, dry_run=True)
        data = {"dry_run": True, "application_id": number, "result": report.result.value}
        return Done(data, f"Dry run: {report.message}")
    report = definitions.delete_application(call.actor, found)
    return Done(
        {"deleted": True, "application_id": number, "result": report.result.value}, f"Application {number} deleted"
    )


@NOUN.command(
    "show-config",
    "List the variables an application declares",
    identifier("--id", help="Id, uuid, code or name"),
    value("--uuid", help="Uuid"),
)
def show_config(call: Call) -> Rows:
    from multiflexi.services.presenters.application import field

    call.need("id", "uuid")
    declared = selected(call).fields.filter(obsolete=False).order_by("position", "pk")
    return Rows(map(field, declared), CONFIG_COLUMNS)


@NOUN.command(
    "validate-json",
    "Check a definition file against the schema",
    value("--file", "--json", help="Definition file; - = standard input", type=PATH, positional="one"),
    database=False,
)
def validate_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import validate

    return validate(call, "application")


@NOUN.command(
    "import-json",
    "Create or update applications from definition files",
    value("--file", "--json", help="File or directory; - = standard input", type=PATH, positional="many"),
    flag("--strict", help="Refuse files that deviate from the schema"),
    flag("--keep-going", help="Exit code 0 although files were rejected"),
    flag("--allow-downgrade", help="Store an older version, too"),
    value("--enabled", help="Switch the application on or off", type=BOOLEAN),
    dry_run(),
    changes=True,
)
def import_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import import_files
    from multiflexi.services import definitions

    def importer(content: bytes, origin: str, path: Path | None) -> ImportReport:
        return definitions.import_application(
            call.actor,
            content,
            origin,
            path=path,
            strict=bool(call["strict"]),
            allow_downgrade=bool(call["allow_downgrade"]),
            enabled=call["enabled"],
            dry_run=call.dry_run,
        )

    return import_files(call, importer, _imported)


@NOUN.command(
    "export-json",
    "Write the definition file of an application",
    identifier("--id", help="Id, uuid, code or name"),
    value("--uuid", help="Uuid"),
    value("--file", "--json", help="Target; - = standard output, the default", type=PATH),
)
def export_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import write
    from multiflexi.services import definitions

    text, warnings = definitions.export_application(selected(call))
    call.warn_all(warnings)
    return write(call, text, call["file"] or "-")


@NOUN.command(
    "remove-json",
    "Remove the application that a definition file defines",
    value("--file", "--json", help="Definition file; - = standard input", type=PATH, positional="many"),
    flag("--strict", help="Exit code 1 when nothing was removed"),
    dry_run(),
    changes=True,
)
def remove_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import remove_files
    from multiflexi.services import definitions

    def remover(content: bytes, origin: str) -> RemovalReport:
        return definitions.remove_application(call.actor, content, origin, dry_run=call.dry_run)

    return remove_files(call, remover)


def _imported(report: ImportReport) -> dict[str, Any]:
    from multiflexi.services.presenters.application import row

    app = report.application
    number = app.pk if app else None
    return {"imported": Record(row(app)) if app and app.pk else {}, "application_id": number, "id": number}


def selected(call: Call) -> Any:
    """The application chosen by the first given of id, uuid and name."""
    from multiflexi.services import application

    call.need(*(name for name in ("id", "uuid", "name") if name in call.options))
    if call.get("id"):
        return application.find(call.reader, call["id"])
    if call.get("uuid"):
        return application.find_by_uuid(call.reader, call["uuid"])
    return application.find_by_name(call.reader, call["name"])


def _values(call: Call) -> dict[str, Any]:
    values = call.given(*SETTABLE)
    if call["appversion"] is not None:
        values["version"] = call["appversion"]
    return values
