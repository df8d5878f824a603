"""Assign values to a record, check them and keep what changed for the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone

from multiflexi.record import audit
from multiflexi.services.errors import Invalid

Changes = dict[str, tuple[Any, Any]]


def assign(record: Model, values: Mapping[str, Any]) -> Changes:
    """Set the attributes that differ and return field → (old, new)."""
    changed: Changes = {}
    for name, value in values.items():
        old = getattr(record, name)
        if old != value:
            changed[name] = (old, value)
            setattr(record, name, value)
    return changed


def check(record: Model) -> None:
    """Refuse values the columns cannot hold. Raises Invalid naming each field with its rule."""
    references = [field.name for field in record._meta.fields if field.is_relation]
    try:
        record.clean_fields(exclude=references)
    except ValidationError as error:
        rules = {field: " ".join(messages) for field, messages in error.message_dict.items()}
        text = "; ".join(f"{field}: {rule}" for field, rule in rules.items())
        raise Invalid(text, "invalid_value", details=rules) from error


def save(record: Model, changed: Iterable[str], *, touch: bool = True) -> None:
    """Write exactly the changed columns and, with `touch`, the time of the change."""
    names = list(changed)
    if touch and hasattr(record, "updated_at") and "updated_at" not in names:
        record.updated_at = timezone.now()
        names.append("updated_at")
    record.save(update_fields=names)


def for_audit(
    changed: Changes, *, secret: Collection[str] = (), personal: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """The changes as the audit trail keeps them; secret and personal fields as keyed hashes."""
    before = {name: old for name, (old, _) in changed.items()}
    after = {name: new for name, (_, new) in changed.items()}
    return audit.changes_between(before, after, secret_fields=secret, personal_fields=personal)


def created(
    values: Mapping[str, Any], *, secret: Collection[str] = (), personal: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """The values of a new record as the audit trail keeps them."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return audit.changes_between({}, given, secret_fields=secret, personal_fields=personal)


def empty_to_none(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Empty text means NULL in these nullable columns."""
    return {name: None if name in names and value == "" else value for name, value in values.items()}
