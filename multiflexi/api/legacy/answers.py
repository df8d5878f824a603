"""What an operation answers, before a format is given to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponseBase

Row = dict[str, Any]


@dataclass
class Answer:
    """A document; `wrapper` is its one member that clients know it by, `schema` its published type.

    With `rows` it is a list of `item` elements, keyed by the records' ids where `keyed` is set. `noun` is the path of
    its records, `address` its own path without suffix; both are for links.
    """

    document: Any = None
    status: int = 0
    schema: str = ""
    title: str = ""
    wrapper: str = ""
    rows: list[Row] | None = None
    keyed: bool = False
    item: str = "item"
    noun: str = ""
    address: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: HttpResponseBase | None = None

    @property
    def root(self) -> str:
        """Name of the XML element around everything."""
        return self.wrapper or "root"

    def content(self, document: Any) -> Any:
        """What lies inside of the wrapper; of a list its rows."""
        if self.wrapper:
            return document[self.wrapper]
        if self.rows is not None and isinstance(document, dict):
            return list(document.values())
        return document


def record(document: Row, *, schema: str = "", status: int = 0, title: str = "") -> Answer:
    """One record."""
    return Answer(document, status, schema, title)


def listing(rows: Iterable[Row], *, schema: str = "", item: str = "item", title: str = "") -> Answer:
    """A list."""
    return Answer(rows=list(rows), schema=schema, item=item, title=title)


def wrapped(name: str, content: Any, *, schema: str = "", **beside: Any) -> Answer:
    """A document inside of one member, and perhaps more members beside it."""
    return Answer({**beside, name: content}, wrapper=name, schema=schema, title=name)


def raw(response: HttpResponseBase) -> Answer:
    """Something that is no document, such as the content of a file."""
    return Answer(raw=response)
