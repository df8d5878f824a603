"""The document as tables, for formats that know nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Sections that are one record; lists in them are values.
RECORDS = ("export_metadata", "user_profile")


@dataclass(frozen=True)
class Table:
    """`path` are the names of section and member; a record has the columns `field` and `value`."""

    path: tuple[str, ...]
    rows: list[dict[str, Any]]
    is_record: bool = False


def tables_of(document: Mapping[str, Any]) -> Iterator[Table]:
    """All of the document, empty lists included."""
    for section, content in document.items():
        if isinstance(content, list):
            yield Table((section,), content)
            continue
        lists = {} if section in RECORDS else {name: one for name, one in content.items() if isinstance(one, list)}
        rest = [{"field": name, "value": one} for name, one in content.items() if name not in lists]
        if rest:
            yield Table((section,), rest, is_record=True)
        for name, rows in lists.items():
            yield Table((section, name), rows)
