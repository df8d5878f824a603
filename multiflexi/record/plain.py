"""Values reduced to what every database's JSON and text columns give back unchanged."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from django.db.models import Model

_INT64 = 2**63


def plain(value: Any) -> Any:
    """JSON made of strings, 64-bit integers, short decimals, booleans, null, lists and objects.

    Instants become ISO 8601 in UTC, model instances their id, sets sorted lists, everything else its text.
    Numbers that jsonb or MySQL would write differently become integers or text.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return clean_text(value)
        case int():
            return value if -_INT64 <= value < _INT64 else str(value)
        case float():
            return _plain_float(value)
        case datetime():
            return instant(value)
        case date():
            return value.isoformat()
        case Model():
            return plain(value.pk)
        case Mapping():
            return {clean_text(str(name)): plain(member) for name, member in value.items()}
        case set() | frozenset():
            return sorted((plain(member) for member in value), key=str)
        case list() | tuple():
            return [plain(member) for member in value]
        case _:
            return clean_text(str(value))


def clean_text(text: str) -> str:
    """Text that PostgreSQL accepts: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")


def instant(moment: datetime) -> str:
    """An instant in UTC with microseconds; a time without zone is kept as it is."""
    return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat(timespec="microseconds")


def _plain_float(number: float) -> int | float | str:
    if math.isfinite(number) and number == int(number) and abs(number) < 2**53:
        return int(number)
    text = repr(number)
    return number if math.isfinite(number) and "e" not in text else text
