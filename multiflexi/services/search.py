"""Searching texts without regard to letter case, on every database."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Lower

M = TypeVar("M", bound=Model)


def containing(rows: QuerySet[M], text: str | None, *fields: str) -> QuerySet[M]:
    """The rows with the text in one of the fields; all rows without a text.

    `icontains` would not do: it obeys the binary collation of MariaDB's columns. SQLite knows the letter case of ASCII
    only; other letters are found there as they are written.
    """
    if not text:
        return rows
    lowered = {f"lowered_{number}": Lower(field) for number, field in enumerate(fields)}
    wanted = Q()
    for name, field in zip(lowered, fields, strict=True):
        wanted |= Q(**{f"{name}__contains": text.lower()}) | Q(**{f"{field}__contains": text})
    return rows.alias(**lowered).filter(wanted)
