"""Colours in the output of jobs: kept, taken out, or turned into HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

_SEQUENCE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_COLOURS = ("black", "red", "green", "olive", "blue", "purple", "teal", "silver")
_DIGITS = 3
_HEAD, _TAIL = '<!doctype html><meta charset="utf-8"><pre>', "</pre>"


def kept(lines: Iterable[str]) -> Iterator[str]:
    """As it is."""
    yield from lines


def stripped(lines: Iterable[str]) -> Iterator[str]:
    """Without any control sequence."""
    for line in lines:
        yield _SEQUENCE.sub("", line)


def as_html(lines: Iterable[str]) -> Iterator[str]:
    """A small document; only the eight colours and bold are shown."""
    yield _HEAD
    style: dict[str, str] = {}
    for line in lines:
        told, at = [], 0
        for found in _SEQUENCE.finditer(line):
            told.append(_shown(line[at : found.start()], style))
            at = found.end()
            if found[2] == "m":
                _change(style, found[1])
        told.append(_shown(line[at:], style))
        yield "".join(told)
    yield _TAIL


def _shown(text: str, style: Mapping[str, str]) -> str:
    escaped = html.escape(text)
    written = "".join(f"{name}:{value};" for name, value in style.items())
    return f'<span style="{written}">{escaped}</span>' if written and text.strip("\n") else escaped


def _change(style: dict[str, str], codes: str) -> None:
    for code in codes.split(";"):
        # Longer numbers mean nothing, and Python refuses to read those of thousands of digits.
        number = int(code) if code.isdigit() and len(code) <= _DIGITS else 0
        if number == 0:
            style.clear()
        elif number == 1:
            style["font-weight"] = "bold"
        elif 30 <= number <= 37 or 90 <= number <= 97:
            style["color"] = _COLOURS[number % 10]


MODES: Mapping[str, Callable[[Iterable[str]], Iterator[str]]] = {"keep": kept, "strip": stripped, "html": as_html}
