"""CSV: a list with its columns in the first row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from multiflexi.api.legacy.answers import Answer

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows_of(answer: Answer, document: Any) -> list[dict[str, Any]]:
    """The records of a list, or the one record."""
    content = answer.content(document)
    return content if isinstance(content, list) else [content]


def columns_of(rows: list[dict[str, Any]]) -> list[str]:
    """All members in the order of their first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def write(answer: Answer, document: Any) -> str:
    rows = rows_of(answer, document)
    columns = columns_of(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return shown(value)


def shown(value: Any) -> str:
    """A value in one cell; what has members as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
