"""CSV: a list with its columns in the first row, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import Any

from multiflexi.api.legacy.answers import Answer
from multiflexi.formats import spreadsheet


def rows_of(answer: Answer, document: Any) -> list[dict[str, Any]]:
    """The records of a list, or the one record."""
    content = answer.content(document)
    return content if isinstance(content, list) else [content]


def write(answer: Answer, document: Any) -> str:
    return spreadsheet.written(rows_of(answer, document))
