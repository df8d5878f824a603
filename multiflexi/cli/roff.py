"""What all man pages are written with."""

from __future__ import annotations

from collections.abc import Iterator


def head(title: str, section: int, summary: str) -> Iterator[str]:
    """The lines before the synopsis."""
    yield '.\\" Made by docs/generate.py from the code; change the code, not this page.'
    yield f'.TH "{plain(title.upper())}" {section} "" "MultiFlexi" "MultiFlexi"'
    yield f".SH NAME\n{plain(title)} \\- {text(summary[:1].lower() + summary[1:])}"
    yield ".SH SYNOPSIS"


def plain(words: str) -> str:
    """Letters that mean nothing to roff; others than ASCII by its names, which hold in every encoding."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in escaped)


def text(words: str) -> str:
    """A paragraph; a line must not begin like a request."""
    line = plain(" ".join(words.split()))
    return f"\\&{line}" if line.startswith((".", "'")) else line
