"""CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """All members in the order of their first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def written(rows: list[dict[str, Any]]) -> str:
    """Rows under the names of their columns (RFC 4180)."""
    columns = columns_of(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def shown(value: Any) -> str:
    """A value in one cell; what has members as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: Any) -> str:
    """A spreadsheet would calculate what begins like a formula."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return shown(value)
