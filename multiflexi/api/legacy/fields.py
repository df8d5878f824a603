"""Kinds of values as bodies and queries carry them: scripts and web pages send numbers and booleans as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from multiflexi.api.legacy import clock
from multiflexi.scheduling import moments
from multiflexi.services import storable
from multiflexi.services.errors import invalid_field

LARGEST = 2**63 - 1
TRUE = frozenset({"1", "true", "on", "yes"})
FALSE = frozenset({"0", "false", "off", "no"})
INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)


@dataclass(frozen=True)
class Kind:
    """How a value is read (ValueError with the rule when it cannot be) and how the published document describes it."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A member of a body; `to` is its name in the service, `secret` keeps it out of the query."""

    kind: Kind
    to: str = ""
    secret: bool = False


def read(given: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """The known members among the given ones under the names of the service. Raises Invalid."""
    values = {}
    for name, field in fields.items():
        if name in given:
            values[field.to or name] = one(name, field.kind, given[name])
    return values


def one(name: str, kind: Kind, value: Any) -> Any:
    """One value. Raises Invalid that names field and rule."""
    try:
        return kind.read(value)
    except ValueError as error:
        raise invalid_field(name, str(error)) from None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("write a text.")
    return str(value)


def _required_text(value: Any) -> str:
    return _text(value) or ""


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, int | str) else ""
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("write true or false, or 1 or 0.")


def _number(value: Any) -> int:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not INTEGER.fullmatch(text) or abs(int(text)) > LARGEST:
        raise ValueError("write a whole number.")
    return int(text)


def _nullable_number(value: Any) -> int | None:
    return None if value is None or value == "" else _number(value)


def _numbers(value: Any) -> str | None:
    """The service reads exit codes as text."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(str(_number(one)) for one in value)
    if isinstance(value, str):
        return value
    raise ValueError("write a list of whole numbers.")


def _ids(value: Any) -> list[int]:
    if not isinstance(value, list):
        raise ValueError("write a list of ids.")
    return [_number(one) for one in value]


def _words(value: Any) -> list[str]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("write a list of names.")
    return [word.strip() for word in words if word.strip()]


def _joined(value: Any) -> str | None:
    """Lists are texts with commas here, but may be given as lists."""
    if isinstance(value, list):
        return ",".join(_words(value))
    return _text(value)


def _object(value: Any) -> dict[str, Any] | None:
    if value is None or value in ("", []):
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("write a JSON object.") from None
    if not isinstance(value, dict):
        raise ValueError("write a JSON object.")
    storable.check(value)
    return value


def _settings(value: Any) -> str | None:
    return json.dumps(value) if isinstance(value, dict) else _text(value)


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("write a time such as 2026-01-31 12:00:00.")
    # A plus sign that was not encoded arrives as a blank.
    text = re.sub(r" (\d{2}:?\d{2})$", r"+\1", value) if "T" in value else value
    return moments.parse(text, zone=clock.zone())


TEXT = Kind(_text, {"type": "string", "nullable": True})
REQUIRED_TEXT = Kind(_required_text, {"type": "string"})
TRUTH = Kind(_truth, {"type": "boolean"})
NUMBER = Kind(_number, {"type": "integer", "format": "int64"})
NULLABLE_NUMBER = Kind(_nullable_number, {"type": "integer", "format": "int64", "nullable": True})
EXIT_CODES = Kind(_numbers, {"type": "array", "items": {"type": "integer"}, "nullable": True})
IDS = Kind(_ids, {"type": "array", "items": {"type": "integer", "format": "int64"}})
WORDS = Kind(_words, {"type": "array", "items": {"type": "string"}})
JOINED = Kind(_joined, {"type": "string", "nullable": True})
OBJECT = Kind(_object, {"type": "object", "nullable": True, "additionalProperties": True})
SETTINGS = Kind(_settings, {"type": "string", "nullable": True})
MOMENT = Kind(_moment, {"type": "string", "format": "date-time"})


def word_of(*known: str) -> Kind:
    """A word out of a fixed list."""

    def read_word(value: Any) -> str:
        if value not in known:
            raise ValueError(f"use one of {', '.join(known)}.")
        return str(value)

    return Kind(read_word, {"type": "string", "enum": list(known)})
