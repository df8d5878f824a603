"""Types of settings: how a text becomes a value and which rule it must keep."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .declare import Setting

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
SIZE = re.compile(r"(\d+)\s*([KMGT]?)(?:i?B)?\Z", re.IGNORECASE)
SIZE_FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Unusable(ValueError):
    """The text breaks the rule of its type; the message is that rule."""


def read_str(text: str, setting: Setting, base: Path) -> str:
    """The text as it is, of at least the declared length."""
    if rule := too_short(text, setting):
        raise Unusable(rule)
    return text


def too_short(text: str, setting: Setting) -> str:
    """The rule that the text breaks by its length; empty when it is long enough."""
    length = len(text.strip())
    return f"has {length} characters and must have at least {setting.shortest}" if length < setting.shortest else ""


def read_bool(text: str, setting: Setting, base: Path) -> bool:
    """Truth value; 1/0, true/false, yes/no, on/off in any case."""
    word = text.lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise Unusable("must be one of 1, 0, true, false, yes, no, on, off")


def read_int(text: str, setting: Setting, base: Path) -> int:
    """Whole number within the declared range."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise Unusable(f"must be a whole number{_range_of(setting)}")
    return int(_within(int(text), setting, "a whole number"))


def read_float(text: str, setting: Setting, base: Path) -> float:
    """Finite number within the declared range; a decimal point, no comma."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Unusable(f"must be a number{_range_of(setting)}")
    return _within(number, setting, "a number")


def read_seconds(text: str, setting: Setting, base: Path) -> float:
    """Duration in seconds; a whole number stays an int."""
    number = read_float(text, setting, base)
    return int(number) if number.is_integer() else number


def read_bytes(text: str, setting: Setting, base: Path) -> int:
    """Size in bytes, with an optional unit K, M, G or T (powers of 1024)."""
    if not (match := SIZE.match(text)):
        raise Unusable("must be a number of bytes, with or without K, M, G or T")
    return int(_within(int(match[1]) * SIZE_FACTOR[match[2].upper()], setting, "a size"))


def read_choice(text: str, setting: Setting, base: Path) -> str:
    """One of the declared words, in any case."""
    word = text.lower()
    if word not in setting.choices:
        raise Unusable(f"must be one of {', '.join(setting.choices)}")
    return word


def read_path(text: str, setting: Setting, base: Path) -> Path:
    """Absolute path; a relative one counts from the settings file, or from the working directory."""
    try:
        return base / Path(text).expanduser()
    except RuntimeError:
        raise Unusable("begins with ~ but there is no such home directory") from None


def read_list(text: str, setting: Setting, base: Path) -> list[str]:
    """Words between commas, trimmed, empty ones left out."""
    return [word for part in text.split(setting.separator) if (word := part.strip())]


def read_zone(text: str, setting: Setting, base: Path) -> str:
    """Name of an existing time zone."""
    from multiflexi.scheduling.zones import ZoneError, zone

    try:
        return zone(text).key
    except ZoneError:
        raise Unusable("must be a time zone name such as Europe/Prague") from None


def read_url(text: str, setting: Setting, base: Path) -> str:
    """Address with scheme; the declared schemes only."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in setting.schemes or not (parts.netloc or parts.path.strip("/")):
        raise Unusable(f"must be an address beginning with {' or '.join(f'{s}://' for s in setting.schemes)}")
    return text


def read_options(text: str, setting: Setting, base: Path) -> dict[str, Any]:
    """Named options: a JSON object, or ``name=value`` pairs between semicolons where digits make a number."""
    if text.startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError:
            raise Unusable("must be a JSON object") from None
    pairs = [pair.partition("=") for pair in text.split(";") if pair.strip()]
    if any(not equals or not name.strip() for name, equals, _ in pairs):
        raise Unusable("must be name=value pairs between semicolons, or a JSON object")
    return {name.strip(): int(raw) if raw.strip().isdecimal() else raw.strip() for name, _, raw in pairs}


def read_counts(text: str, setting: Setting, base: Path) -> dict[str, int]:
    """Named numbers, each 1 or more, written as options are."""
    given = read_options(text, setting, base)
    if any(type(number) is not int or number < 1 for number in given.values()):
        raise Unusable("must be name=number pairs between semicolons, each number 1 or more")
    return given


READERS: dict[str, Callable[[str, Setting, Path], Any]] = {
    "str": read_str,
    "bool": read_bool,
    "int": read_int,
    "float": read_float,
    "seconds": read_seconds,
    "bytes": read_bytes,
    "choice": read_choice,
    "path": read_path,
    "list": read_list,
    "zone": read_zone,
    "url": read_url,
    "options": read_options,
    "counts": read_counts,
}


def _within(number: float, setting: Setting, what: str) -> float:
    low, high = setting.minimum, setting.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise Unusable(f"must be {what}{_range_of(setting)}")
    return number


def _range_of(setting: Setting) -> str:
    low, high = setting.minimum, setting.maximum
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f" of at least {low:g}"
    return f" of at most {high:g}" if high is not None else ""
