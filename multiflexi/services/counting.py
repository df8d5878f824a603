"""Numbers of rows of several kinds, in one query."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Count, QuerySet, Value


def counted(**kinds: QuerySet[Any]) -> dict[str, int]:
    """How many rows each queryset has, by its name."""
    parts = [
        rows.order_by().values(counted_kind=Value(name, CharField())).annotate(counted_rows=Count("pk"))
        for name, rows in kinds.items()
    ]
    # Each part groups by a constant: one without rows is absent.
    found = dict(parts[0].union(*parts[1:], all=True).values_list("counted_kind", "counted_rows"))
    return {name: found.get(name, 0) for name in kinds}
