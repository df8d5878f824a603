"""Pages with rows of wrapped text.

The table of the library measures a cell anew with each of its letters, which takes minutes for a long log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ttf_opensans
from fpdf import FPDF

FONT = "OpenSans"
MARGIN, BOTTOM, GAP = 12.0, 16.0, 1.5
# Of the height of a letter.
LINE = 0.45
FOOT = 7
RULE = 205


class Sheet(FPDF):
    """Landscape A4, since tables are wide; measures in millimetres. Letters of the font: Latin, Greek, Cyrillic."""

    def __init__(self) -> None:
        super().__init__(orientation="landscape", format="A4")
        for style, weight in (("", 400), ("B", 700)):
            self.add_font(FONT, style=style, fname=ttf_opensans.opensans(font_weight=weight).path)
        self.set_margin(MARGIN)
        self.set_auto_page_break(False)
        self.set_draw_color(RULE)
        font: Any = self.fonts[FONT.lower()]
        self._font: Mapping[int, Any] = font.cmap
        self._letters: dict[tuple[str, float, str], float] = {}

    def footer(self) -> None:
        self.set_font(FONT, size=FOOT)
        self.text(MARGIN, self.h - 8, f"MultiFlexi  {self.page_no()}")

    def line_of(self, text: str, size: float) -> None:
        """A heading, with room for something below it on the same page."""
        self._room(size * LINE * 4)
        self.set_font(FONT, style="B", size=size)
        self.y += size * LINE * 1.6
        self.text(MARGIN, self.y, text)
        self.y += size * LINE * 0.6

    def rows(
        self, rows: Sequence[Sequence[str]], shares: Sequence[int], size: float, heading: Sequence[str] | None = None
    ) -> None:
        """Rows in columns of these shares of the width; the heading comes again on each page. A row fits on a page."""
        rows = [[self._known(cell) for cell in row] for row in rows]
        widths = [share * self.epw / sum(shares) for share in shares]
        if heading:
            self._row(heading, widths, size, bold=range(len(heading)))
        for row in rows:
            if not self._fits(self._height(row, widths, size, ())):
                self.add_page()
                if heading:
                    self._row(heading, widths, size, bold=range(len(heading)))
            # Without a heading the first column says what the others hold.
            self._row(row, widths, size, bold=() if heading else (0,))

    def _known(self, text: str) -> str:
        """Letters that the font lacks would be left out without a word."""
        return "".join(sign if ord(sign) in self._font else "?" for sign in text)

    def _row(self, cells: Sequence[str], widths: Sequence[float], size: float, bold: Sequence[int]) -> None:
        height = self._height(cells, widths, size, bold)
        self._room(height)
        left = MARGIN
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            style = "B" if number in bold else ""
            lines = self._wrapped(cell, width - GAP, size, style)
            self.set_font(FONT, style=style, size=size)
            for position, line in enumerate(lines, 1):
                self.text(left, self.y + position * size * LINE, line)
            left += width
        self.y += height
        self.line(MARGIN, self.y, self.w - MARGIN, self.y)

    def _height(self, cells: Sequence[str], widths: Sequence[float], size: float, bold: Sequence[int]) -> float:
        most = max(
            len(self._wrapped(cell, width - GAP, size, "B" if number in bold else ""))
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return most * size * LINE + GAP

    def _fits(self, height: float) -> bool:
        return self.y + height <= self.h - BOTTOM

    def _room(self, height: float) -> None:
        if not self._fits(height):
            self.add_page()

    def _wrapped(self, text: str, width: float, size: float, style: str) -> list[str]:
        """Lines of at most this width, broken at spaces, a long word anywhere."""
        lines, line, used = [], "", 0.0
        for sign in text:
            wide = self._letter(sign, size, style)
            if used + wide > width and line:
                head, space, tail = line.rpartition(" ")
                lines.append(head if space else line)
                line = tail if space else ""
                used = sum(self._letter(one, size, style) for one in line)
            line, used = line + sign, used + wide
        return [*lines, line]

    def _letter(self, sign: str, size: float, style: str) -> float:
        key = (sign, size, style)
        if key not in self._letters:
            self.set_font(FONT, style=style, size=size)
            self._letters[key] = self.get_string_width(sign)
        return self._letters[key]
