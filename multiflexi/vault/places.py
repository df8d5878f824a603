"""Every column that holds envelopes; nothing can be sealed elsewhere, so none is left out of a rotation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast, Coalesce

from multiflexi.models.job import LIVE_STATES
from multiflexi.models.sealed import EndedWithEnvelopes


class Form(Enum):
    """How a column holds its envelopes."""

    TEXT = auto()
    BYTES = auto()
    MEMBERS = auto()  # of a JSON object of a job, among plain ones


@dataclass(frozen=True)
class Place:
    """A column: `flag` is the one that says which rows are sealed (None: all that hold something), `key_column` the
    one that repeats the key id. Without `company` the values belong to the installation."""

    table: str
    column: str
    model: str
    company: tuple[str, ...]
    form: Form = Form.TEXT
    flag: str | None = None
    key_column: str | None = None

    @property
    def rows(self) -> tuple[models.QuerySet[Any], ...]:
        """The rows that hold envelopes, for members of JSON objects a few others too.

        Jobs come in two parts, those that have ended last: one that ends meanwhile is found then.
        """
        found = apps.get_model("multiflexi", self.model)._base_manager.order_by("pk")
        if self.model == "Job":
            return found.filter(status__in=LIVE_STATES), found.filter(EndedWithEnvelopes())
        if self.form is Form.MEMBERS:
            return (found.annotate(_text=Cast(self.column, TextField())).filter(_text__contains="kid"),)
        empty: Any = b"" if self.form is Form.BYTES else ""
        flagged = Q(**{self.flag: True}) if self.flag else Q()
        return (found.filter(flagged).exclude(**{self.column: empty}).exclude(**{self.column: None}),)


@dataclass(frozen=True)
class Stored:
    """The sealed content of one row."""

    place: Place
    record: int
    company_id: int | None
    content: Any
    key_id: int | None

    def envelopes(self) -> Iterator[tuple[str, str]]:
        """Field, as its envelope is bound to it, and text."""
        from multiflexi.vault.envelope import looks_sealed

        if self.place.form is Form.MEMBERS:
            for name, text in (self.content or {}).items():
                if looks_sealed(text):
                    yield f"{self.place.column}.{name}", text
        elif self.place.form is Form.BYTES:
            yield self.place.column, bytes(self.content).decode(errors="replace")
        else:
            yield self.place.column, self.content

    def replace(self, envelopes: Mapping[str, str], key_id: int) -> bool:
        """Write other envelopes by field unless the row was changed meanwhile; whether they were written."""
        rows = apps.get_model("multiflexi", self.place.model)._base_manager.filter(pk=self.record)
        column = self.place.column
        changes: dict[str, Any] = {self.place.key_column: key_id} if self.place.key_column else {}
        if self.place.form is Form.MEMBERS:
            # Databases compare JSON in ways of their own, so the row is held and compared here.
            with transaction.atomic():
                if list(rows.select_for_update().values_list(column, flat=True)) != [self.content]:
                    return False
                prefix = f"{column}."
                members = {name.removeprefix(prefix): text for name, text in envelopes.items()}
                return bool(rows.update(**{column: {**self.content, **members}}))
        text = envelopes[column]
        content = text.encode() if self.place.form is Form.BYTES else text
        return bool(rows.filter(**{column: self.content}).update(**changes, **{column: content}))


PLACES: tuple[Place, ...] = (
    Place(
        "credata",
        "value",
        "CredentialValue",
        ("credential__company_id",),
        flag="is_encrypted",
        key_column="key_id",
    ),
    Place("credtypedata", "value", "CredentialTypeValue", ("credential_type__company_id",), flag="is_encrypted"),
    Place("kept_file", "content", "KeptFile", ("company_id",), flag="is_encrypted"),
    Place("configuration", "value", "Configuration", ("runtemplate__company_id",), flag="is_encrypted"),
    Place("company_env", "value", "CompanyEnv", ("company_id",), flag="secret"),
    Place(
        "file_store",
        "file_data",
        "FileStore",
        ("runtemplate__company_id", "job__company_id", "credential_value__credential__company_id"),
        form=Form.BYTES,
        flag="secret",
    ),
    Place("second_factor", "secret", "SecondFactor", ()),
    Place("event_source", "db_password", "EventSource", ("company_id",)),
    Place("event_source", "config", "EventSource", ("company_id",), form=Form.MEMBERS),
    Place("job", "env", "Job", ("company_id",), form=Form.MEMBERS),
    Place("job", "overrides", "Job", ("company_id",), form=Form.MEMBERS),
)
_KNOWN = frozenset((place.table, place.column) for place in PLACES)


def check(table: str, field: str) -> None:
    """Raise ValueError for a place that a rotation would not find."""
    if (table, field.partition(".")[0]) not in _KNOWN:
        raise ValueError(
            f"{table}.{field} is no place for an envelope; declare its column in multiflexi/vault/places.py"
        )


def walk(place: Place, batch: int) -> Iterator[list[Stored]]:
    """All rows of a place in batches, in the order of their ids; what appears behind the walk is not seen."""
    # Uploads are large.
    size = 1 if place.form is Form.BYTES else batch
    columns = ["pk", place.column, "_company", *([place.key_column] if place.key_column else [])]
    for part in place.rows:
        rows = part.annotate(_company=_company_of(place)).values_list(*columns)
        last = 0
        while found := list(rows.filter(pk__gt=last)[:size]):
            last = found[-1][0]
            yield [_stored(place, *row) for row in found]


def _company_of(place: Place) -> Any:
    if not place.company:
        return models.Value(None, output_field=models.BigIntegerField())
    return Coalesce(*place.company) if len(place.company) > 1 else models.F(place.company[0])


def _stored(place: Place, record: int, content: Any, company_id: int | None, key_id: int | None = None) -> Stored:
    if place.form is Form.MEMBERS and isinstance(content, str):
        content = json.loads(content)
    return Stored(place, record, company_id, content, key_id)
