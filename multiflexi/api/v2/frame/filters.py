"""Filters as resources declare them: what a parameter is called, which values it takes and which rows it selects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from multiflexi.services.errors import BadQuery
from multiflexi.services.lookup import LARGEST_ID
from multiflexi.services.search import containing

Rows = QuerySet[Any]
Schema = Mapping[str, Any]
RANGE = ("lt", "lte", "gt", "gte")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_BOOLEAN: Schema = {"type": "boolean"}


@dataclass(frozen=True)
class Filter:
    """Compares a column; `suffixes` are the further comparisons it offers, `equality` whether the bare name is one."""

    path: str
    read: Callable[[str], Any]
    schema: Schema
    suffixes: tuple[str, ...] = ()
    equality: bool = True
    description: str = ""

    def parameters(self, name: str) -> dict[str, Schema]:
        """Parameter → schema of its values."""
        found = {name: self.schema} if self.equality else {}
        for suffix in self.suffixes:
            found[f"{name}__{suffix}"] = _schema_of(suffix, self.schema)
        return found

    def apply(self, rows: Rows, name: str, parameter: str, text: str) -> Rows:
        """The rows that the parameter selects. Raises BadQuery."""
        suffix = parameter.removeprefix(name).removeprefix("__")
        if suffix == "icontains":
            return containing(rows, text, self.path)
        reader = {"in": self._several, "isnull": boolean}.get(suffix, self.read)
        try:
            wanted = reader(text)
        except ValueError as error:
            raise unusable(parameter, text, str(error)) from None
        return rows.filter(**{f"{self.path}__{suffix}" if suffix else self.path: wanted})

    def _several(self, text: str) -> list[Any]:
        return [self.read(part.strip()) for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Special(Filter):
    """Selects rows its own way."""

    select: Callable[[Rows, Any], Rows] = field(default=lambda rows, wanted: rows)

    def apply(self, rows: Rows, name: str, parameter: str, text: str) -> Rows:
        try:
            return self.select(rows, self.read(text))
        except ValueError as error:
            raise unusable(parameter, text, str(error)) from None


def number(path: str, *, ranged: bool = False, null: bool = False) -> Filter:
    """Whole numbers, one or several."""
    suffixes = ("in", *(RANGE if ranged else ()), *(("isnull",) if null else ()))
    return Filter(path, integer, {"type": "integer", "format": "int64"}, suffixes)


def choice(path: str, choices: Iterable[str]) -> Filter:
    """Words of an enumeration, one or several."""
    words = list(choices)

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"use {', '.join(words)}")
        return text

    return Filter(path, read, {"type": "string", "enum": words}, ("in",))


def text(path: str, *, part: bool = False) -> Filter:
    """A text, exactly or with `part` also a piece of it in any case."""
    return Filter(path, str, {"type": "string"}, ("in", *(("icontains",) if part else ())))


def identity(path: str) -> Filter:
    """UUIDs, one or several."""

    def read(text: str) -> UUID:
        try:
            return UUID(text.strip())
        except ValueError:
            raise ValueError("use a UUID") from None

    return Filter(path, read, {"type": "string", "format": "uuid"}, ("in",))


def flag(path: str) -> Filter:
    """Yes or no."""
    return Filter(path, boolean, _BOOLEAN)


def moment(path: str, *, null: bool = False) -> Filter:
    """Times, as ranges only."""
    return Filter(
        path,
        instant,
        {"type": "string", "format": "date-time"},
        (*RANGE, *(("isnull",) if null else ())),
        equality=False,
    )


def special(read: Callable[[str], Any], schema: Schema, select: Callable[[Rows, Any], Rows]) -> Special:
    """A filter that is more than a comparison; `read` and `select` raise ValueError or BadQuery."""
    return Special("", read, schema, select=select)


def boolean(text: str) -> bool:
    """Raises ValueError."""
    word = text.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ValueError("use true or false")
    return word in _TRUE


def integer(text: str) -> int:
    """Raises ValueError."""
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or int(digits) > LARGEST_ID:
        raise ValueError("use a whole number")
    return int(text)


def instant(text: str) -> datetime:
    """A time with its offset, UTC without one; a date means its beginning. Raises ValueError."""
    # A plus sign that nobody escaped arrives as a blank.
    given = text.strip().replace(" ", "+") if "T" in text else text.strip()
    found = parse_datetime(given)
    if found is None and (day := parse_date(given)):
        found = datetime.combine(day, time(), UTC)
    if found is None:
        raise ValueError("use RFC 3339, e.g. 2026-01-31T08:00:00Z")
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def unusable(parameter: str, text: str, rule: str) -> BadQuery:
    """The refusal of a parameter's value."""
    return BadQuery(f'"{text}" is no value for {parameter}: {rule}.', "bad_filter", details={"parameter": parameter})


def _schema_of(suffix: str, schema: Schema) -> Schema:
    if suffix == "isnull":
        return _BOOLEAN
    return {"type": "array", "items": schema} if suffix == "in" else schema
