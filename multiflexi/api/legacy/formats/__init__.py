"""One document in the formats that a suffix can ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from multiflexi.api.legacy import clock
from multiflexi.api.legacy.answers import Answer
from multiflexi.api.legacy.formats import html, table, xml, yaml

RECORDS = ("json", "xml", "yaml", "yml", "html")
LISTS = (*RECORDS, "csv")


@dataclass(frozen=True)
class Format:
    """How a document is written."""

    media_type: str
    write: Callable[[Answer, Any], str]


def _written(answer: Answer, document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


_YAML = Format("text/yaml; charset=utf-8", lambda answer, document: yaml.write(document))
FORMATS = {
    "json": Format("application/json", _written),
    "xml": Format("application/xml; charset=utf-8", xml.write),
    "yaml": _YAML,
    "yml": _YAML,
    "html": Format("text/html; charset=utf-8", html.write),
    "csv": Format("text/csv; charset=utf-8", table.write),
}
ACCEPTED = {
    "application/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/yaml": "yaml",
    "text/yaml": "yaml",
    "text/html": "html",
    "text/csv": "csv",
}


def plain(document: Any) -> Any:
    """The document as JSON has it, so that all formats hold the same values."""
    return json.loads(json.dumps(document, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return clock.written(value)
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be answered")


def by_header(accept: str) -> str:
    """The format that an Accept header wants most; JSON when it names none of ours."""
    wanted = []
    for position, part in enumerate(accept.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name in ACCEPTED:
            wanted.append((-_weight(parameters), position, ACCEPTED[name]))
        elif name in ("*/*", "application/*"):
            wanted.append((-_weight(parameters), position, "json"))
    return min(wanted)[2] if wanted else "json"


def _weight(parameters: list[str]) -> float:
    for one in parameters:
        if one.startswith("q="):
            try:
                return float(one[2:])
            except ValueError:
                return 0.0
    return 1.0
