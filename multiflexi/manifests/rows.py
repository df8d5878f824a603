"""Making rows equal to what a definition says, in place, so that ids stay and equal rows are not written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.db import connection
from django.db.models import Model

from multiflexi.manifests.definitions import FieldDefinition
from multiflexi.manifests.texts import DEFAULT_LANGUAGE, Texts
from multiflexi.models import Application, CredentialPrototype, CredentialType

K = TypeVar("K")
M = TypeVar("M", bound=Model)

Values = dict[str, Any]


def manifest_of(record: Application | CredentialPrototype | CredentialType) -> dict[str, Any] | None:
    """The definition as it was imported; None for a record that a person created."""
    return cast("dict[str, Any] | None", record.manifest)


def reconcile(
    existing: Mapping[K, M],
    desired: Mapping[K, Values],
    new: Callable[[K], M],
    *,
    delete: Callable[[list[M]], object] | None = None,
) -> dict[K, M]:
    """Insert, update and delete until the rows hold the desired values; rows by key, with ids.

    `delete` replaces the deletion of rows that are no longer desired.
    """
    rows: dict[K, M] = {}
    created: list[M] = []
    changed: list[M] = []
    for key, values in desired.items():
        row = existing.get(key)
        if row is None:
            row = new(key)
            created.append(row)
        elif any(getattr(row, name) != value for name, value in values.items()):
            changed.append(row)
        for name, value in values.items():
            setattr(row, name, value)
        rows[key] = row
    gone = [row for key, row in existing.items() if key not in desired]
    if gone:
        (delete or _delete)(gone)
    if changed:
        names = list(next(iter(desired.values())))
        type(changed[0])._default_manager.bulk_update(changed, names, batch_size=200)
    _insert(created)
    return rows


def _delete(rows: list[M]) -> None:
    type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows]).delete()


def _insert(rows: list[M]) -> None:
    if rows and connection.features.can_return_rows_from_bulk_insert:
        type(rows[0])._default_manager.bulk_create(rows, batch_size=200)
        return
    # MySQL does not tell the ids of a bulk INSERT.
    for row in rows:
        row.save(force_insert=True)


def translations(members: Mapping[str, Texts], *, always: bool = False) -> dict[str, Values]:
    """Desired translation rows by language: one row with all members for every language that occurs.

    Where English alone is spoken the base columns suffice; `always` is for rows without base columns.
    """
    languages = dict.fromkeys(language for localized in members.values() for language in localized)
    if not always and set(languages) <= {DEFAULT_LANGUAGE}:
        return {}
    return {language: {name: localized.get(language) for name, localized in members.items()} for language in languages}


def localized(base: str | None, rows: Mapping[str, str | None]) -> Texts:
    """Texts by language from a base column and translation rows; a base text that no row has counts as English."""
    found = {language: text for language, text in rows.items() if text}
    if base and base not in found.values():
        return {DEFAULT_LANGUAGE: base, **{key: text for key, text in found.items() if key != DEFAULT_LANGUAGE}}
    return found


def field_texts(
    rows: Mapping[str, Model], fields: Mapping[str, FieldDefinition], *, always: bool = False
) -> dict[tuple[int, str], Values]:
    """Texts of fields by the id of their row and the language; `always` as for `translations`."""
    return {
        (rows[key].pk, lang): values
        for key, field in fields.items()
        for lang, values in translations(
            {"name": field.name, "description": field.description, "hint": field.hint}, always=always
        ).items()
    }
