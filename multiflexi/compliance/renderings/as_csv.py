"""A ZIP archive with one CSV file for each table that is not empty."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from multiflexi.compliance.renderings.tables import tables_of
from multiflexi.formats import spreadsheet


def write(document: Mapping[str, Any]) -> bytes:
    """UTF-8 with its mark, without which some spreadsheets spoil letters with accents."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for table in tables_of(document):
            if table.rows:
                text = spreadsheet.written(table.rows)
                archive.writestr(f"{'-'.join(table.path)}.csv", text.encode("utf-8-sig", "replace"))
    return packed.getvalue()
