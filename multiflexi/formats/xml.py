"""XML: members as elements of their names, rows as elements of their kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# A parser would turn a carriage return into a line feed.
_SIGNS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


def element(
    name: str, value: Any, item: str = "item", key: str | None = None, *, rows: Mapping[str, str]
) -> Iterator[str]:
    """The pieces of an element; `rows` names the elements of lists by the member that holds them."""
    start = name if key is None else f'{name} key="{_escaped(key)}"'
    if value is None:
        yield f'<{start} nil="true"/>'
    elif value is True:
        yield f"<{start}>1</{name}>"
    elif value is False or value in ("", [], {}):
        yield f"<{start}/>"
    elif isinstance(value, dict):
        yield f"<{start}>"
        for member, content in value.items():
            usable = bool(_NAME.fullmatch(member)) and not member.lower().startswith("xml")
            yield from element(
                member if usable else "item",
                content,
                rows.get(member, "item"),
                None if usable else member,
                rows=rows,
            )
        yield f"</{name}>"
    elif isinstance(value, list):
        yield f"<{start}>"
        for row in value:
            yield from element(item, row, rows=rows)
        yield f"</{name}>"
    else:
        yield f"<{start}>{_escaped(str(value))}</{name}>"


def _escaped(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text).translate(_SIGNS)
