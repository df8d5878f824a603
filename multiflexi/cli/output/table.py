"""Text tables: plain aligned columns, and on a terminal the same with a frame, cut to its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, TextIO

from multiflexi.cli.output.plain import cell
from multiflexi.cli.output.terminal import shown_on

GAP = "  "
# Characters of a cell that tell something still, and those that the frame takes for each column.
READABLE, FRAME = 12, 3


def write(
    out: TextIO, rows: Sequence[Mapping[str, Any]], *, headers: bool, colour: bool | None, chosen: bool = False
) -> None:
    """Write the rows, one line each; `rows` is not empty.

    On a terminal that is too narrow the last columns are left out, which a line tells, and the others cut; with
    `chosen`, where somebody has asked for these columns, nothing is.
    """
    columns = list(rows[0])
    lines = [[shown_on(out, _line(row.get(column))) for column in columns] for row in rows]
    if not out.isatty():
        _aligned(out, columns, lines, headers=headers)
        return
    import shutil  # It loads the compressors of archives, which no script that reads a pipe should wait for.

    room = shutil.get_terminal_size().columns - 1
    widths = [
        max(len(text) for text in (columns[index], *(line[index] for line in lines))) for index in range(len(columns))
    ]
    fitting = _fitting(widths, room)
    if chosen and fitting < len(columns):
        _aligned(out, columns, lines, headers=headers)
        return
    cut = _cut(widths[:fitting], room)
    _framed(out, dict(zip(columns, cut, strict=False)), lines, headers=headers, colour=colour)
    if fitting < len(columns):
        out.write(f"Too narrow for: {', '.join(columns[fitting:])}; --wide shows all columns.\n")


def _line(value: Any) -> str:
    return " ".join(cell(value).split("\n"))


def _fitting(widths: list[int], room: int) -> int:
    """How many of the columns have room, each with as much of its content as can be read; at least one."""
    ends = accumulate(min(width, READABLE) + FRAME for width in widths)
    return max(sum(end <= room for end in ends), 1)


def _cut(widths: list[int], room: int) -> list[int]:
    """The widths, the widest ones made narrower until all have room."""
    left = list(widths)
    while sum(left) + FRAME * len(left) > room and max(left) > 1:
        left[left.index(max(left))] -= 1
    return left


def _aligned(out: TextIO, columns: list[str], lines: list[list[str]], *, headers: bool) -> None:
    shown = [columns, *lines] if headers else lines
    widths = [max(len(line[index]) for line in shown) for index in range(len(columns))]
    for line in shown:
        out.write(GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _framed(
    out: TextIO, columns: dict[str, int], lines: list[list[str]], *, headers: bool, colour: bool | None
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    frame = Table(show_header=headers)
    for column, width in columns.items():
        frame.add_column(column, no_wrap=True, overflow="ellipsis", width=width)
    for line in lines:
        frame.add_row(*(Text(text) for text in line[: len(columns)]))
    wide = sum(columns.values()) + FRAME * len(columns) + 1
    Console(file=out, width=wide, height=25, no_color=colour is False, force_terminal=True if colour else None).print(
        frame
    )
