"""Commands of the noun "credential"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, dry_run, fields, flag, identifier, listing, value
from multiflexi.cli.field_options import field_options, field_uploads, field_values, file_fields, warn_of_history
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Document, Done, Record, Rows
from multiflexi.cli.values import COUNT, FIELD

if TYPE_CHECKING:
    from datetime import datetime

    from multiflexi.models import Credential, CredentialType
    from multiflexi.services.credential_uploads import Upload

NOUN = Noun("credential", "Named values, most of them secret, that jobs of one company get")
COLUMNS = ("id", "name", "company_id", "formType", "credential_type_id")
UNUSABLE = {"unavailable", "misconfigured"}


def _settable() -> list[Option]:
    return [
        value("--name", help="Name"),
        value("--company-id", "--company", help="Company: id or slug"),
        value("--credential-type-id", "--type", help="Credential type: id, uuid or name"),
        *field_options(),
        value("--expires", help="KEY=TIME: when the value expires; KEY= for never", type=FIELD, multiple=True),
        value("--note", help="Free text"),
    ]


@NOUN.command(
    "list",
    "List credentials",
    listing(),
    value("--company", "--company_id", help="Company: id or slug"),
    value("--type", help="Code of the prototype"),
    value("--search", help="Text in name or note"),
)
def list_credentials(call: Call) -> Rows:
    from multiflexi.services import credential
    from multiflexi.services.errors import NotFound
    from multiflexi.services.presenters.credential import SORTABLE, row

    try:
        owner = _company(call, "company")
    except NotFound:
        return Rows((), COLUMNS)
    found = credential.query(
        call.reader, company_id=owner.pk if owner else None, prototype=call["type"], search=call["search"]
    )
    return Rows(map(row, call.page.of(found, SORTABLE).iterator()), COLUMNS)


@NOUN.command(
    "get",
    "Show a credential, its secrets masked",
    identifier("--id", help="Id or name"),
    fields(),
    flag("--reveal", help="Show the secrets; asked for, audited"),
    value("--reason", help="Why they are shown, for the audit trail"),
)
def get(call: Call) -> Record:
    from multiflexi.services import credential_reveal
    from multiflexi.services.presenters.credential import with_values

    found = _selected(call)
    if not call["reveal"]:
        return Record(with_values(found))
    call.confirm(f"Show the secrets of credential {found.name}? The audit trail will say so.")
    revealed = credential_reveal.reveal(call.actor, found, names=call.fields, reason=call["reason"])
    return Record(with_values(found, revealed))


@NOUN.command("create", "Create a credential", *_settable(), changes=True)
def create(call: Call) -> Done:
    from multiflexi.services import credential

    call.need("company_id")
    call.need("credential_type_id")
    owner, kind = _company(call, "company_id"), _kind(call)
    values, uploads = _values(call, kind)
    made = credential.create(
        call.actor,
        company=owner,
        kind=kind,
        name=call["name"],
        note=call["note"],
        values=values,
        uploads=uploads,
        expires=_expiries(call),
    )
    _advise(call, made, values)
    message = f"Credential {made.name} created, ID: {made.pk}"
    data = {"status": "success", "message": message, "credential_id": made.pk, "id": made.pk, "created": True}
    return Done(data, message, lambda: _record(call, made))


@NOUN.command("update", "Change a credential", identifier("--id", help="Id or name"), *_settable(), changes=True)
def update(call: Call) -> Done:
    from multiflexi.services import credential

    found = _selected(call)
    kind = _kind(call) if call["credential_type_id"] else None
    values, uploads = _values(call, kind or found.credential_type)
    changed = credential.update(
        call.actor,
        found,
        company=_company(call, "company_id"),
        kind=kind,
        values=values,
        uploads=uploads,
        expires=_expiries(call),
        **call.given("name", "note"),
    )
    _advise(call, found, values)
    message = f"Credential {found.pk} updated" if changed else f"Credential {found.pk}: nothing to change"
    data = {"status": "success", "message": message, "credential_id": found.pk, "updated": changed}
    return Done(data, message, lambda: _record(call, found))


@NOUN.command(
    "remove",
    "Delete a credential",
    identifier("--id", help="Id or name"),
    flag("--force", help="Also while active run templates use it, which are incomplete then"),
    dry_run(),
    changes=True,
)
def remove(call: Call) -> Done:
    from multiflexi.services import credential

    found = _selected(call)
    number = found.pk
    if call.dry_run:
        users = [one.pk for one in credential.users(found)]
        data = {"dry_run": True, "credential_id": number, "removed": False, "run_templates": users}
        return Done(data, f"Credential {number} would be deleted; active run templates use it: {len(users)}")
    using = credential.remove(call.actor, found, force=bool(call["force"]))
    if using:
        call.warn(f"Warning: run templates lost the credential: {', '.join(f'{one.name} ({one.pk})' for one in using)}")
    message = f"Credential {number} deleted"
    return Done({"status": "success", "message": message, "credential_id": number, "removed": True}, message)


@NOUN.command(
    "encrypt-existing",
    "Seal secrets of credentials and credential types that lie open",
    dry_run(),
    value("--batch-size", help="Values per transaction", type=COUNT, default="200"),
    changes=True,
)
def encrypt_existing(call: Call) -> Done:
    from multiflexi.cli.progress import counted
    from multiflexi.services import credential_encryption

    with counted(call, "values looked at") as progress:
        count = credential_encryption.encrypt_existing(
            call.actor,
            batch_size=int(call["batch_size"]),
            dry_run=call.dry_run,
            told=lambda so_far: progress(so_far.scanned) if progress else None,
        )
    if call.dry_run:
        message = f"{count.to_encrypt} of {count.scanned} values would be encrypted"
        data = {"status": "success", "dry_run": True, "scanned": count.scanned, "to_encrypt": count.to_encrypt}
        return Done(data | {"message": message}, message)
    message = f"{count.encrypted} values encrypted, {count.failed} failed"
    data = {
        "status": "error" if count.failed else "success",
        "message": message,
        "scanned": count.scanned,
        "encrypted": count.encrypted,
        "failed": count.failed,
    }
    return Done(data, message, code=1 if count.failed else 0, complaint=message)


@NOUN.command(
    "check",
    "Check whether credentials can be used now",
    identifier("--id", help="Id or name", many=True),
    value("--company", "--company_id", help="All of a company: id or slug"),
    flag("--all", help="All of them"),
    flag("--refresh", help="Also those whose last check still counts, at most every 10 seconds"),
    value(
        "--timeout",
        help="Most seconds for one check, 1 to 15; silence until then is not stored if it is less",
        type=COUNT,
        default="15",
    ),
    changes=True,
)
def check(call: Call) -> Document:
    from multiflexi.services import credential, credential_check
    from multiflexi.services.presenters.credential import checked

    if not (call["id"] or call["company"] or call["all"]):
        raise wrong_use("Option --id or --company or --all is required.")
    wanted = [credential.find(call.reader, one) for one in call["id"]]
    if call["company"] or call["all"]:
        owner = _company(call, "company")
        wanted = list(credential.query(call.reader, company_id=owner.pk if owner else None))
    outcome = credential_check.check(call.actor, wanted, refresh=bool(call["refresh"]), seconds=float(call["timeout"]))
    rows = [checked(one) for one in outcome]
    for one in wanted if call["id"] else ():
        _offer_repetition(call, one)
    single = len(call["id"]) == 1 and not call["company"] and not call["all"]
    lines = [f"{one['name']} ({one['credential_id']}): {one['state']}  {one['message']}".rstrip() for one in rows]
    unusable = [f"{one['name']} ({one['credential_id']})" for one in rows if one["state"] in UNUSABLE]
    return Document(
        rows[0] if single else rows,
        lambda: "\n".join(lines),
        code=1 if unusable else 0,
        complaint=f"Cannot be used now: {', '.join(unusable)}",
    )


def _selected(call: Call) -> Credential:
    from multiflexi.services import credential

    return credential.find(call.reader, call.need("id"))


def _company(call: Call, option: str) -> Any:
    from multiflexi.services import company

    return company.find(call.reader, call[option]) if call[option] else None


def _kind(call: Call) -> CredentialType:
    from multiflexi.services import credential_type

    return credential_type.find(call.reader, call["credential_type_id"])


def _values(call: Call, kind: CredentialType) -> tuple[dict[str, str | None], dict[str, Upload]]:
    """The given values, and the files of the fields that take one as it is."""
    from multiflexi.services import credential_fields

    fields = credential_fields.of_type(kind)
    warn_of_history(call, fields)
    files = file_fields(call, fields)
    return field_values(call, files), field_uploads(call, files)


def _expiries(call: Call) -> dict[str, datetime | None]:
    from multiflexi.scheduling import moments

    try:
        return {name: moments.parse(text, zone=call.zone) if text else None for name, text in call["expires"]}
    except ValueError as error:
        raise wrong_use(f"--expires: {error}") from error


def _advise(call: Call, found: Credential, values: dict[str, str | None]) -> None:
    """What the person should know: secrets that cannot be masked, and what is missing still."""
    from multiflexi.services import credential, credential_fields

    current = credential.find(call.reader, found.pk)
    call.warn_all(credential_fields.hints(credential_fields.of_type(current.credential_type), values))
    _offer_repetition(call, current)
    names = credential.missing(current)
    if names:
        call.warn(f"Warning: credential {current.name} needs values for {', '.join(names)}")


def _offer_repetition(call: Call, found: Credential) -> None:
    """Blocked jobs are not repeated by themselves, so whoever has corrected a credential should know of them."""
    from multiflexi.services import blocked_jobs

    number = blocked_jobs.of(call.reader, found).count() if blocked_jobs.is_usable(found.pk) else 0
    if number:
        call.warn(f"{number} jobs that it has blocked can be repeated now: job:retry --blocked-by {found.pk}")


def _record(call: Call, found: Credential) -> Record:
    from multiflexi.services import credential
    from multiflexi.services.presenters.credential import with_values

    return Record(with_values(credential.find(call.reader, found.pk)))
