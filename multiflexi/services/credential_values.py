"""Values of a credential: written under its lock, with the dates on which they expire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.utils import timezone

from multiflexi.credentials import checking
from multiflexi.models import (
    Credential,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    RunTemplate,
    TypeValueKind,
)
from multiflexi.record.actor import Actor
from multiflexi.services import changes, credential_fields, credential_uploads, schedules, sealed_values, shadowing
from multiflexi.services.credential_fields import Fields, KnownField, Values
from multiflexi.services.credential_uploads import Uploads
from multiflexi.services.errors import Invalid, invalid_field

Expiries = Mapping[str, datetime | None]


def store(
    actor: Actor, credential: Credential, fields: Fields, given: Values, *, uploads: Uploads, expires: Expiries
) -> changes.Changes:
    """Write values, files and dates and return what changed, in clear, files by what identifies them.

    Call it in a transaction that holds the credential. A new value without a date of its own has none. Raises Invalid,
    and a VaultError without usable master key.
    """
    kind = credential.credential_type
    rows = {row.name: row for row in CredentialValue.objects.filter(credential=credential)}
    files = credential_uploads.of(rows)
    before = {name: sealed_values.known(rows[name]) for name in given if name in rows and name not in files}
    wanted = credential_fields.checked(kind, fields, given, before)
    credential_uploads.check(kind.name, fields, uploads)
    _refuse_those_of_the_type(kind, fields, [*(name for name, one in wanted.items() if one is not None), *uploads])
    _refuse_both(wanted, uploads)
    before |= {name: credential_uploads.known(files[name]) for name in (*wanted, *uploads) if name in files}
    changed: changes.Changes = {}
    for name, value in wanted.items():
        row, old = rows.get(name), before.get(name)
        if value is None:
            if row is not None:
                rows.pop(name).delete()
                changed[f"field.{name}"] = (old, None)
        elif row is None or old != value or name in files or _shown_wrongly(row, fields, value):
            rows[name] = _write(actor, credential, fields[name], value, row)
            credential_uploads.drop(rows[name])
            changed[f"field.{name}"] = (old, value)
    for name, upload in uploads.items():
        if before.get(name) != upload.fingerprint:
            old = before.get(name) or (sealed_values.known(rows[name]) if name in rows else None)
            rows[name] = _write(actor, credential, fields[name], upload.name, rows.get(name))
            credential_uploads.put(rows[name], upload)
            changed[f"field.{name}"] = (old, upload.fingerprint)
    return {**changed, **_dated(fields, rows, expires)}


def lacking(credential: Credential, fields: Fields) -> list[str]:
    """Required fields without any value: neither of the credential nor of its type."""
    own = CredentialValue.objects.filter(credential=credential).exclude(value=None).exclude(value="")
    shared = CredentialTypeValue.objects.filter(credential_type=credential.credential_type_id)
    have = {
        *own.values_list("name", flat=True),
        *shared.exclude(value=None).exclude(value="").values_list("name", flat=True),
    }
    return [
        field.keyname
        for field in fields.values()
        if field.required and not field.internal and not field.default and field.keyname not in have
    ]


def refuse_lacking(credential: Credential, fields: Fields, cleared: Iterable[str] | None = None) -> None:
    """Refuse a credential without its required values, or only those of them that were just cleared. Raises Invalid."""
    names = lacking(credential, fields)
    if cleared is not None:
        names = [name for name in names if name in cleared]
    if names:
        raise Invalid(
            f"Credential {credential.name} needs values for {', '.join(names)}; give them. Nothing was stored.",
            "required_field_missing",
            details={"missing": names},
        )


def after_change(credential_ids: Iterable[int]) -> None:
    """What the platform knew of these credentials does not count any more: checks, and which run templates are
    complete."""
    ids = list(credential_ids)
    checking.forget(Credential.objects.filter(pk__in=ids))
    templates = RunTemplate.objects.filter(assigned_credentials__credential__in=ids)
    shadowing.refresh(list(templates.order_by("pk").values_list("pk", flat=True).distinct()))
    schedules.refresh(RunTemplate.objects.filter(pk__in=templates.values("pk")))


def _refuse_those_of_the_type(kind: CredentialType, fields: Fields, given: Sequence[str]) -> None:
    fixed = set(kind.values.filter(kind=TypeValueKind.FIXED, name__in=given).values_list("name", flat=True))
    for name in given:
        if name in fixed:
            raise invalid_field(name, f"its value is fixed by credential type {kind.name}; change it there.")
        if fields[name].internal:
            raise invalid_field(name, f"it is a setting of credential type {kind.name}; set it there.")


def _refuse_both(wanted: Values, uploads: Uploads) -> None:
    for name in uploads:
        if name in wanted:
            raise invalid_field(name, "it cannot have a value and a file; give one of them.")


def _shown_wrongly(row: CredentialValue, fields: Fields, value: str) -> bool:
    """Whether a value lies open that is secret now, or the other way round."""
    return row.is_encrypted != (fields[row.name].secret and value != "")


def _write(
    actor: Actor, credential: Credential, field: KnownField, value: str, row: CredentialValue | None
) -> CredentialValue:
    row = row or CredentialValue.objects.create(credential=credential, name=field.keyname)
    columns = sealed_values.put(row, value, secret=field.secret, company_id=credential.company_id)
    row.type = field.type
    row.expires_at, row.updated_at, row.updated_by_id = None, timezone.now(), actor.user_id
    row.save(update_fields=[*columns, "type", "expires_at", "updated_at", "updated_by"])
    return row


def _dated(fields: Fields, rows: Mapping[str, CredentialValue], expires: Expiries) -> changes.Changes:
    changed: changes.Changes = {}
    for name, moment in expires.items():
        field, row = fields.get(name), rows.get(name)
        if field is None or not (field.expiring or field.secret):
            raise invalid_field(name, "only secrets and fields declared as expiring have a date on which they expire.")
        if row is None:
            raise invalid_field(name, "it has no value that could expire; give one.")
        if row.expires_at != moment:
            changed[f"expires.{name}"] = (row.expires_at, moment)
            row.expires_at = moment
            row.save(update_fields=["expires_at"])
    return changed
