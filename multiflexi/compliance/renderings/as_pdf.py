"""A document to read and to print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from multiflexi.compliance.renderings.labels import label
from multiflexi.compliance.renderings.sheet import Sheet
from multiflexi.compliance.renderings.tables import Table, tables_of
from multiflexi.formats.spreadsheet import columns_of, shown

# A row must fit on a page.
LONGEST_CELL = 600
SMALL, NORMAL, LARGE, LARGEST = 7, 9, 12, 18
NARROWEST, WIDEST = 6, 45


def write(document: Mapping[str, Any]) -> bytes:
    """The whole document; values beyond 600 letters are shortened and marked, the other formats hold them whole."""
    sheet = Sheet()
    sheet.set_lang(get_language() or "en")
    sheet.set_title(_("Export of personal data"))
    sheet.add_page()
    sheet.line_of(_("Export of personal data"), LARGEST)
    for table in tables_of(document):
        sheet.line_of(" – ".join(map(label, table.path)), LARGE)
        _draw(sheet, table)
    return bytes(sheet.output())


def _draw(sheet: Sheet, table: Table) -> None:
    if not table.rows:
        sheet.rows([[_("None.")]], [1], NORMAL)
    elif table.is_record:
        sheet.rows([[label(one["field"]), _text(one["value"])] for one in table.rows], [1, 4], NORMAL)
    else:
        columns = columns_of(table.rows)
        cells = [[_text(one.get(name)) for name in columns] for one in table.rows]
        heading = [label(name) for name in columns]
        sheet.rows(cells, _shares(heading, cells), SMALL, heading)


def _shares(heading: list[str], cells: list[list[str]]) -> list[int]:
    """Shares of the width by the longest texts, within bounds."""
    longest = [max(len(row[number]) for row in [heading, *cells]) for number in range(len(heading))]
    return [max(NARROWEST, min(length, WIDEST)) for length in longest]


def _text(value: Any) -> str:
    """A value in one cell, without signs that cannot be seen."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        value = "; ".join(f"{label(name)}: {_text(one)}" for name, one in value.items() if one is not None)
    elif isinstance(value, list):
        value = ", ".join(map(_text, value))
    text = "".join(sign if sign.isprintable() else " " for sign in shown(value))
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
