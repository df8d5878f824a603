"""Paging and ordering of lists, the same for every noun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from django.db.models import Model, QuerySet

from multiflexi.services.errors import BadQuery

M = TypeVar("M", bound=Model)
DIRECTIONS = {"A": "", "ASC": "", "D": "-", "DESC": "-"}


class Page(NamedTuple):
    """Wanted part of a list. `order` is A, D, ASC, DESC or COLUMN[:asc|desc]; limit 0 and None mean all."""

    limit: int | None = None
    offset: int | None = None
    order: str | None = None

    def of(self, rows: QuerySet[M], columns: Mapping[str, str]) -> QuerySet[M]:
        """The rows in order, by id when nothing else is asked for; `columns` maps members to look-ups.

        Raises BadQuery for an unknown column or direction.
        """
        ordered = rows.order_by(*self._ordering(columns))
        start = self.offset or 0
        if self.limit:
            return ordered[start : start + self.limit]
        return ordered[start:] if start else ordered

    def _ordering(self, columns: Mapping[str, str]) -> list[str]:
        if not self.order:
            return ["pk"]
        if self.order.upper() in DIRECTIONS:
            return [f"{DIRECTIONS[self.order.upper()]}pk"]
        name, _, direction = self.order.strip().replace(" ", ":").partition(":")
        sign = DIRECTIONS.get((direction or "asc").upper())
        if name not in columns or sign is None:
            raise BadQuery(
                f'Cannot order by "{self.order}"; use A, D or COLUMN[:asc|desc] with one of {", ".join(columns)}.',
                "unknown_order",
                details={"columns": list(columns)},
            )
        return [f"{sign}{columns[name]}", f"{sign}pk"]


def same(*members: str, **others: str) -> dict[str, str]:
    """Sortable columns: `members` that are called like their model field, and `others` that are not."""
    return {**{member: member for member in members}, **others}


def chosen(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that were asked for."""
    return {name: value for name, value in filters.items() if value is not None}
