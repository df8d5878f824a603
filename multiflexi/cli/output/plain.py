"""Values as the formats write them: times as text in one zone, booleans of records as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from multiflexi.cli.output.results import Record

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
ZoneSource = Callable[[], tzinfo]


def plain(value: Any, zone: ZoneSource, *, numbers: bool = False) -> Any:
    """JSON-ready form of a value; `numbers` writes booleans as 0 and 1. `zone` is asked only for times."""
    if isinstance(value, Record):
        return plain(value.data, zone, numbers=True)
    if isinstance(value, bool):
        return int(value) if numbers else value
    if value is None or isinstance(value, (int, float, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, datetime):
        return value.astimezone(zone()).strftime(TIME_FORMAT)
    if isinstance(value, Mapping):
        return {str(key): plain(one, zone, numbers=numbers) for key, one in value.items()}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [plain(one, zone, numbers=numbers) for one in value]


def cell(value: Any) -> str:
    """One line of text for a table or a `key: value` list: null is empty, structures are JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value)
    return str(value)
