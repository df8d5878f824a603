"""Values of variables stored on a run template; secret ones are sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from multiflexi.jobs import fields, names
from multiflexi.models import ConfField, Configuration, RunTemplate
from multiflexi.services import changes
from multiflexi.services.errors import invalid_field
from multiflexi.vault import envelope
from multiflexi.vault.errors import VaultError
from multiflexi.vault.forms import is_maskable
from multiflexi.vault.secrecy import MASK, NOT_SET, named_like_a_secret

TABLE, COLUMN, KEY = "configuration", "value", "credentials"
LONGEST_NAME = 128


def checked(template: RunTemplate, values: Mapping[str, str]) -> dict[str, str]:
    """The values to store, without those that mean "unchanged". Raises Invalid naming the variable and its rule."""
    declared = _declared(template) if values else {}
    return {
        name: _checked(declared.get(name), name, value)
        for name, value in values.items()
        if not (_is_secret(declared.get(name), name) and value in ("", MASK, NOT_SET))
    }


def store(template: RunTemplate, values: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Write checked values and return the changes for the audit trail; call it in a transaction."""
    declared = _declared(template)
    stored = {row.name: row for row in Configuration.objects.filter(runtemplate=template, name__in=values)}
    changed: changes.Changes = {}
    secret = []
    for name, value in values.items():
        row = stored.get(name) or Configuration.objects.create(runtemplate=template, name=name)
        old = known(row)
        if old == value and not row.inactive:
            continue
        hidden, was_hidden = _is_secret(declared.get(name), name), row.is_encrypted
        row.value = seal(row, value, template.company_id) if hidden else value
        row.is_encrypted, row.inactive = hidden and value != "", False
        row.save(update_fields=["value", "is_encrypted", "inactive"])
        changed[f"config.{name}"] = (old, value)
        # Another definition may call the name no secret: what was sealed under the former one stays one.
        if hidden or was_hidden:
            secret.append(f"config.{name}")
    return changes.for_audit(changed, secret=secret)


def clear(template: RunTemplate, names: Iterable[str]) -> dict[str, dict[str, object]]:
    """Remove values and return the changes for the audit trail; call it in a transaction."""
    rows = Configuration.objects.filter(runtemplate=template, name__in=list(names)).order_by("pk")
    removed = {f"config.{row.name}": (None if row.is_encrypted else row.value, None) for row in rows}
    hidden = [f"config.{row.name}" for row in rows if row.is_encrypted]
    rows.delete()
    return changes.for_audit(removed, secret=hidden)


def unknown(template: RunTemplate, values: Mapping[str, str]) -> list[str]:
    """Names that the application does not declare."""
    declared = _declared(template)
    return [name for name in values if name not in declared]


def secrets_among(template: RunTemplate, names: Iterable[str]) -> list[str]:
    """Those of the names that are secret."""
    declared = _declared(template)
    return [name for name in names if _is_secret(declared.get(name), name)]


def unmasked(template: RunTemplate, values: Mapping[str, str]) -> list[str]:
    """Names of the secrets among the values that are too short or too common to be masked in output."""
    declared = _declared(template)
    unchanged = ("", MASK, NOT_SET)
    secrets = {name: one for name, one in values.items() if _is_secret(declared.get(name), name)}
    return [name for name, one in secrets.items() if one not in unchanged and not is_maskable(one)]


def copy(source: RunTemplate, target: RunTemplate) -> None:
    """Give the target the values of the source; secrets are sealed again, for their new rows."""
    for row in Configuration.objects.filter(runtemplate=source).order_by("pk"):
        value = plain(row)
        made = Configuration.objects.create(
            runtemplate=target,
            name=row.name,
            inactive=row.inactive,
            is_encrypted=row.is_encrypted,
            value=None if row.is_encrypted else value,
        )
        if row.is_encrypted and value is not None:
            made.value = seal(made, value, target.company_id)
            made.save(update_fields=["value"])


def seal(row: Configuration, value: str, company_id: int) -> str:
    return envelope.seal(value, key=KEY, table=TABLE, field=COLUMN, record=row.pk, company_id=company_id)


def _declared(template: RunTemplate) -> dict[str, ConfField]:
    return {one.keyname: one for one in ConfField.objects.filter(app_id=template.app_id, obsolete=False)}


def _is_secret(field: ConfField | None, name: str) -> bool:
    return field.is_secret if field else named_like_a_secret(name)


def _checked(field: ConfField | None, name: str, value: str) -> str:
    if not names.is_possible(name):
        raise invalid_field(
            "config", f'"{name}" cannot be the name of a variable; use letters, digits and underscores.'
        )
    if len(name) > LONGEST_NAME:
        raise invalid_field("config", f"the name of a variable has at most {LONGEST_NAME} characters, not {len(name)}.")
    if names.is_reserved(name):
        raise invalid_field("config", f"{name}: names that begin with MULTIFLEXI_ belong to the platform.")
    if names.changes_loading(name) and field is None:
        raise invalid_field("config", f"{name} changes how programs are loaded; only a definition may set it.")
    try:
        if _is_secret(field, name):
            fields.refuse_long_secret(name, value)
        return fields.validate(field, value) if field else value
    except fields.FieldError as error:
        raise invalid_field("config", str(error)) from None


def plain(row: Configuration) -> str | None:
    """The value in clear. Raises a VaultError."""
    if row.value is None or not row.is_encrypted:
        return row.value
    return envelope.open_sealed(row.value, table=TABLE, field=COLUMN, record=row.pk)


def known(row: Configuration) -> str | None:
    """The stored value; an unreadable one counts as none, so that it can be replaced."""
    try:
        return plain(row)
    except VaultError:
        return None
