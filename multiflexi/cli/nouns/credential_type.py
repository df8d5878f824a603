"""Commands of the noun "credential-type"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, flag, identifier, listing, value
from multiflexi.cli.field_options import field_options, field_values, warn_of_history
from multiflexi.cli.output.results import Done, Record, Result, Rows
from multiflexi.cli.values import BOOLEAN, PATH

if TYPE_CHECKING:
    from multiflexi.manifests.reports import ImportReport, RemovalReport
    from multiflexi.models import CredentialPrototype, CredentialType

NOUN = Noun("credential-type", "Kinds of credentials set up for a company")
COLUMNS = ("id", "name", "class", "company_id", "version_text", "uuid")
SETTABLE = ("name", "url", "logo", "gate_on_degraded")


def _settable() -> list[Option]:
    return [
        value("--class", "--prototype", help="Prototype: code, id or uuid"),
        value("--name", "--label", help="Name"),
        value("--url", help="Address of the service"),
        value("--logo", help="Name or data URI of the logo"),
        value("--gate_on_degraded", help="Whether jobs wait while the service is degraded", type=BOOLEAN),
        *field_options(),
        value("--fixed", help="Field whose value here no credential can override", multiple=True),
        value("--not-fixed", help="Field whose value here is a default", multiple=True),
    ]


@NOUN.command(
    "list",
    "List credential types",
    listing(),
    value("--company", "--company_id", help="Company: id or slug; types of all companies are shown, too"),
    value("--search", help="Text in name or prototype"),
)
def list_types(call: Call) -> Rows:
    from multiflexi.services import credential_type
    from multiflexi.services.errors import NotFound
    from multiflexi.services.presenters.credential_type import SORTABLE, row

    try:
        owner = _company(call, "company")
    except NotFound:
        return Rows((), COLUMNS)
    found = credential_type.query(call.reader, company=owner, search=call["search"])
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command(
    "get",
    "Show a credential type with its fields",
    identifier("--id", help="Id, uuid or name"),
    value("--uuid", help="Uuid"),
    fields(),
)
def get(call: Call) -> Record:
    return _record(call, _selected(call, "id", "uuid"))


@NOUN.command(
    "create",
    "Set up a kind of credentials for a company",
    value("--company-id", "--company", help="Company: id or slug"),
    *_settable(),
    changes=True,
)
def create(call: Call) -> Done:
    from multiflexi.services import credential_type

    call.need("class")
    call.need("company_id")
    values = field_values(call)
    made = credential_type.create(
        call.actor,
        company=_company(call, "company_id"),
        prototype=_prototype(call),
        values=values,
        fixed=_fixed(call),
        **call.given(*SETTABLE),
    )
    _advise(call, made, values)
    return Done(_record(call, made), f"Credential type {made.name} created, ID: {made.pk}", lambda: _record(call, made))


@NOUN.command(
    "update",
    "Change a credential type",
    identifier("--id", help="Id, uuid or name"),
    value("--uuid", help="Uuid"),
    *_settable(),
    changes=True,
)
def update(call: Call) -> Done:
    from multiflexi.services import credential_type

    found = _selected(call, "id", "uuid")
    values = field_values(call)
    changed = credential_type.update(
        call.actor,
        found,
        prototype=_prototype(call) if call["class"] else None,
        values=values,
        fixed=_fixed(call),
        **call.given(*SETTABLE),
    )
    _advise(call, found, values)
    line = f"Credential type {found.pk} updated" if changed else f"Credential type {found.pk}: nothing to change"
    return Done({"updated": changed, "credential_type_id": found.pk}, line, lambda: _record(call, found))


@NOUN.command(
    "delete", "Delete a credential type", identifier("--id", help="Id, uuid or name"), dry_run(), changes=True
)
def delete(call: Call) -> Done:
    from multiflexi.services import credential_type

    found = _selected(call, "id")
    number = found.pk
    if call.dry_run:
        used = list(found.credentials.order_by("pk").values_list("pk", flat=True))
        data = {"dry_run": True, "credential_type_id": number, "credentials": used}
        return Done(data, f"Credential type {number} would be deleted; credentials of it: {len(used)}")
    credential_type.remove(call.actor, found)
    return Done({"deleted": True, "credential_type_id": number}, f"Credential type {number} deleted")


@NOUN.command(
    "import-json",
    "Create or update credential types of a company from definition files",
    value("--file", "--json", help="File or directory; - = standard input", type=PATH, positional="many"),
    value("--company", "--company_id", help="Company: id or slug; without it prototypes are imported"),
    flag("--strict", help="Refuse files that deviate from the schema"),
    flag("--keep-going", help="Exit code 0 although files were rejected"),
    flag("--allow-downgrade", help="Store an older version, too"),
    dry_run(),
    changes=True,
)
def import_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import import_files
    from multiflexi.services import definitions

    owner = _company(call, "company")
    options = {name: bool(call[name]) for name in ("strict", "allow_downgrade")}

    def importer(content: bytes, origin: str, path: Path | None) -> ImportReport:
        if owner:
            return definitions.import_type(call.actor, content, origin, owner, dry_run=call.dry_run, **options)
        return definitions.import_prototype(call.actor, content, origin, dry_run=call.dry_run, **options)

    result: Any = import_files(call, importer, _imported)
    if owner is None and result.code:
        call.warn("A file that defines a credential type is imported for a company: give --company.")
    return result


@NOUN.command(
    "export-json",
    "Write the definition file of a credential type, without company and values",
    identifier("--id", help="Id, uuid or name"),
    value("--uuid", help="Uuid"),
    value("--file", "--json", help="Target; - = standard output", type=PATH),
)
def export_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import write
    from multiflexi.services import definitions

    return write(call, definitions.export_type(_selected(call, "id", "uuid")), call["file"] or "-")


@NOUN.command(
    "remove-json",
    "Remove the credential type that a definition file defines from a company",
    value("--file", "--json", help="Definition file; - = standard input", type=PATH, positional="many"),
    value("--company", "--company_id", help="Company: id or slug"),
    flag("--strict", help="Exit code 1 when nothing was removed"),
    dry_run(),
    changes=True,
)
def remove_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import remove_files
    from multiflexi.services import definitions

    call.need("company")
    owner = _company(call, "company")

    def remover(content: bytes, origin: str) -> RemovalReport:
        return definitions.remove_type(call.actor, content, origin, owner, dry_run=call.dry_run)

    return remove_files(call, remover)


@NOUN.command(
    "validate-json",
    "Check a definition file against the schema",
    value("--file", "--json", help="Definition file; - = standard input", type=PATH, positional="one"),
    database=False,
)
def validate_json(call: Call) -> Result:
    from multiflexi.cli.definition_files import validate

    return validate(call, "credential-type")


def _selected(call: Call, *names: str) -> CredentialType:
    from multiflexi.services import credential_type

    return credential_type.find(call.reader, call.need(*names))


def _company(call: Call, option: str) -> Any:
    from multiflexi.services import company

    return company.find(call.reader, call[option]) if call[option] else None


def _prototype(call: Call) -> CredentialPrototype:
    from multiflexi.services import credential_prototype

    return credential_prototype.find(call.reader, call["class"])


def _fixed(call: Call) -> dict[str, bool]:
    return {name: option == "fixed" for option in ("fixed", "not_fixed") for name in call[option]}


def _advise(call: Call, found: CredentialType, values: dict[str, str | None]) -> None:
    from multiflexi.services import credential_fields, credential_type, credential_type_values

    current = credential_type.find(call.reader, found.pk)
    fields = credential_fields.with_switches(credential_fields.of_type(current), values)
    warn_of_history(call, fields)
    call.warn_all(credential_fields.hints(fields, values))
    names = credential_type_values.lacking(current, fields)
    if names:
        call.warn(f"Warning: credential type {current.name} needs values for {', '.join(names)}")


def _record(call: Call, found: CredentialType) -> Record:
    from multiflexi.services import credential_type
    from multiflexi.services.presenters.credential_type import with_fields

    return Record(with_fields(credential_type.find(call.reader, found.pk)))


def _imported(report: ImportReport) -> dict[str, Any]:
    record = report.record
    return {
        "credential_type_id": record.pk if record else None,
        "id": record.pk if record else None,
        "uuid": str(record.uuid) if record else None,
        "code": getattr(record, "prototype", None) or getattr(record, "code", None),
        "imported": report.accepted,
    }
