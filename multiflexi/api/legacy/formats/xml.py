"""XML: rows as elements of their kind, members as elements of their names."""

from __future__ import annotations

from typing import Any

from multiflexi.api.legacy.answers import Answer
from multiflexi.formats.xml import HEAD, element

ROWS = {"jobs": "job", "index": "item", "roles": "item", "output_lines": "item"}


def write(answer: Answer, document: Any) -> str:
    """The document under its root element."""
    return HEAD + "".join(element(answer.root, answer.content(document), answer.item, rows=ROWS))
