"""What a command hands back; how it looks is decided by `render` alone.

A result with a `code` other than 0 is a failure: its `complaint` is the sentence for standard error, unless the command
has said there itself what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

Data = Mapping[str, Any]


class Record(NamedTuple):
    """One record. Booleans are written as 0 and 1, times in the installation's zone."""

    data: Data


class Rows(NamedTuple):
    """A list of records, read while it is written.

    `columns` are the short set of text tables; `text` turns a row into a line where a table makes no sense.
    """

    rows: Iterable[Data]
    columns: tuple[str, ...]
    empty: str = "No data"
    text: Callable[[Data], str] | None = None


class Done(NamedTuple):
    """The outcome of a change: `line` for people, `data` for programs, `record` with `-v`."""

    data: Any
    line: str
    record: Callable[[], Any] | None = None
    code: int = 0
    complaint: str = ""


class Document(NamedTuple):
    """Data without a record type and the text that says the same."""

    data: Any
    text: Callable[[], str]
    code: int = 0
    complaint: str = ""


class Written(NamedTuple):
    """The command wrote the standard output itself."""

    code: int = 0


Result = Record | Rows | Done | Document | Written
