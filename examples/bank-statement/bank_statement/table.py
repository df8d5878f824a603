"""Writing rows as CSV (RFC 4180, UTF-8, CRLF)."""

import csv
from collections.abc import Iterable
from decimal import Decimal
from operator import attrgetter
from typing import TextIO

from .amounts import plain
from .rows import HEADER, Row

# A spreadsheet takes text that begins like this for a formula and may run it.
_FORMULA_STARTS = ("=", "+", "-", "@")


def write_table(stream: TextIO, rows: Iterable[Row], delimiter: str, decimal: str) -> int:
    """Writes header and rows and returns the number of rows.

    Texts come from whoever sent the money, so one that a spreadsheet would take for a formula gets an apostrophe
    in front, as OWASP recommends against CSV injection. Numbers are numbers and stay as they are.
    """
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(HEADER)
    cells = attrgetter(*HEADER)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        writer.writerow([_cell(value, decimal) for value in cells(row)])
    return count


def _cell(value: str | int | Decimal | None, decimal: str) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    if value is None:
        return ""
    return plain(value, decimal) if isinstance(value, Decimal) else str(value)
