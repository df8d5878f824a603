"""Values kept on a credential type: internal settings, and defaults or fixed values of what its credentials provide."""

from __future__ import annotations

from collections.abc import Mapping

from multiflexi.models import CredentialType, CredentialTypeValue, TypeValueKind
from multiflexi.services import changes, credential_fields, sealed_values
from multiflexi.services.credential_fields import Fields, KnownField, Values
from multiflexi.services.errors import invalid_field

Fixed = Mapping[str, bool]


def store(kind: CredentialType, fields: Fields, given: Values, fixed: Fixed) -> changes.Changes:
    """Write values and return what changed, in clear; call it in a transaction. Raises Invalid and a VaultError.

    `fixed` says of names whether their value binds the credentials; without it a value keeps its kind.
    """
    rows = {row.name: row for row in CredentialTypeValue.objects.filter(credential_type=kind)}
    before = {name: sealed_values.known(rows[name]) for name in given if name in rows}
    fields = credential_fields.with_switches(fields, given)
    wanted = credential_fields.checked(kind, fields, given, before)
    changed: changes.Changes = {}
    for name, value in wanted.items():
        row, old = rows.get(name), before.get(name)
        if value is None:
            if row is not None:
                rows.pop(name).delete()
                changed[f"field.{name}"] = (old, None)
        elif row is None or old != value or row.is_encrypted != (fields[name].secret and value != ""):
            rows[name] = _write(kind, fields[name], value, row)
            changed[f"field.{name}"] = (old, value)
    return {**changed, **_with_kinds(fields, rows, fixed)}


def lacking(kind: CredentialType, fields: Fields) -> list[str]:
    """Internal settings that are required and have no value."""
    have = set(kind.values.exclude(value=None).exclude(value="").values_list("name", flat=True))
    return [
        field.keyname
        for field in fields.values()
        if field.internal and field.required and not field.default and field.keyname not in have
    ]


def _write(kind: CredentialType, field: KnownField, value: str, row: CredentialTypeValue | None) -> CredentialTypeValue:
    row = row or CredentialTypeValue.objects.create(credential_type=kind, name=field.keyname, kind=_kind(field))
    row.type = field.type
    columns = sealed_values.put(row, value, secret=field.secret, company_id=kind.company_id)
    row.save(update_fields=[*columns, "type"])
    return row


def _kind(field: KnownField, *, fixed: bool = False) -> TypeValueKind:
    if field.internal:
        return TypeValueKind.INTERNAL
    return TypeValueKind.FIXED if fixed else TypeValueKind.DEFAULT


def _with_kinds(fields: Fields, rows: Mapping[str, CredentialTypeValue], fixed: Fixed) -> changes.Changes:
    changed: changes.Changes = {}
    for name, binds in fixed.items():
        row, field = rows.get(name), fields.get(name)
        if row is None or field is None:
            raise invalid_field(name, "the credential type has no value for it; give one.")
        if field.internal:
            raise invalid_field(name, "it is an internal setting, which no credential could override.")
        kind = _kind(field, fixed=binds)
        if row.kind != kind:
            changed[f"kind.{name}"] = (row.kind, kind)
            row.kind = kind
            row.save(update_fields=["kind"])
    return changed
