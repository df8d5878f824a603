"""Text tables: plain aligned columns, and on a terminal the same with a frame, cut to its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from multiflexi.cli.output.plain import cell
from multiflexi.cli.output.terminal import shown_on

GAP = "  "


def write(out: TextIO, rows: Sequence[Mapping[str, Any]], *, headers: bool, colour: bool | None) -> None:
    """Write the rows, one line each; `rows` is not empty."""
    columns = list(rows[0])
    lines = [[shown_on(out, _line(row.get(column))) for column in columns] for row in rows]
    if out.isatty():
        _framed(out, columns, lines, headers=headers, colour=colour)
    else:
        _aligned(out, columns, lines, headers=headers)


def _line(value: Any) -> str:
    return " ".join(cell(value).split("\n"))


def _aligned(out: TextIO, columns: list[str], lines: list[list[str]], *, headers: bool) -> None:
    shown = [columns, *lines] if headers else lines
    widths = [max(len(line[index]) for line in shown) for index in range(len(columns))]
    for line in shown:
        out.write(GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _framed(out: TextIO, columns: list[str], lines: list[list[str]], *, headers: bool, colour: bool | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    frame = Table(show_header=headers)
    for column in columns:
        frame.add_column(column, no_wrap=True, overflow="ellipsis")
    for line in lines:
        frame.add_row(*(Text(text) for text in line))
    Console(file=out, no_color=colour is False, force_terminal=True if colour else None).print(frame)
