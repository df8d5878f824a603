"""Kinds of option values. An empty text is a value everywhere and passes through unchanged."""

from __future__ import annotations

import json
import re
from typing import Any

import click

FORMATS = ("text", "json", "yaml", "csv", "ndjson", "table")
TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}


def dest(name: str) -> str:
    """The name of an option inside the program."""
    return name.lstrip("-").replace("-", "_").lower()


class Format(click.ParamType[str]):
    name = "choice"
    choices = FORMATS

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value).removeprefix("=").lower()
        if word not in FORMATS:
            self.fail(f'"{value}" is no format; use one of {", ".join(FORMATS)}.', param, ctx)
        return "text" if word == "table" else word


class Number(click.ParamType[Any]):
    """A whole number from `least` to `most`; the empty text passes through."""

    name = "integer"

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "" or isinstance(value, int):
            return value
        try:
            number = int(str(value))
        except ValueError:
            self.fail(f'"{value}" is no whole number.', param, ctx)
        if self.least is not None and number < self.least:
            self.fail(f"{number} is too small; the least value is {self.least}.", param, ctx)
        if self.most is not None and number > self.most:
            self.fail(f"{number} is too large; the largest value is {self.most}.", param, ctx)
        return number


class Truth(click.ParamType[Any]):
    """A boolean in digits or words; the empty text means "not given"."""

    name = "boolean"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        word = str(value).strip().lower()
        if word == "":
            return None
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        return self.fail(f'"{value}" is neither true (1 true yes on) nor false (0 false no off).', param, ctx)


class Enabled(Truth):
    """A boolean that may also be called `active` or `inactive`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert({"active": "1", "inactive": "0"}.get(str(value).lower(), value), param, ctx)


class Pair(click.ParamType[tuple[str, str]]):
    """`KEY=VALUE`, split at the first separator; what is wrong is not repeated, since it may be a secret."""

    name = "string"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, found, content = str(value).partition("=")
        if found and key:
            return key, content
        return self.fail('a value has no "=", or no name in front of it; write KEY=VALUE.', param, ctx)


class FieldPair(click.ParamType[tuple[str, str]]):
    """`KEY=VALUE` or `KEY:VALUE`, split at whichever separator comes first; what is wrong is not repeated."""

    name = "string"
    form = re.compile("([^=:]+)[=:](.*)", re.DOTALL)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        found = self.form.fullmatch(str(value))
        if found:
            return found[1], found[2]
        return self.fail("a value without KEY= in front of it; write KEY=VALUE or KEY:VALUE.", param, ctx)


class FieldName(click.ParamType[str]):
    """The name of a field alone; what is wrong is not repeated, since a secret may stand behind the name."""

    name = "string"
    form = re.compile(r"[\w.-]+")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if self.form.fullmatch(str(value)):
            return str(value)
        return self.fail("write the name of the field alone, without a value.", param, ctx)


class Word(click.ParamType[str]):
    """One of some words, whatever their case and whether written with `-` or `_`."""

    name = "choice"

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        wanted = str(value).lower().replace("-", "_")
        for choice in self.choices:
            if choice.lower().replace("-", "_") == wanted:
                return choice
        return self.fail(f'"{value}" is none of {", ".join(self.choices)}.', param, ctx)


class JsonObject(click.ParamType[Any]):
    """A JSON object; the empty text means none."""

    name = "string"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "" or isinstance(value, dict):
            return value
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        return self.fail('the text is no JSON object; write for instance {"ID": "recordid"}.', param, ctx)


class Kind(click.ParamType[str]):
    """Free text that descriptions call by another name: a path, a time."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)


FORMAT = Format()
COUNT = Number(least=0)
# No time goes back further than the calendar.
DAYS = Number(least=0, most=365_000)
HOURS = Number(least=0, most=24 * 365_000)
INTEGER = Number()
BOOLEAN = Truth()
ENABLED = Enabled()
PAIR = Pair()
FIELD = FieldPair()
FIELD_NAME = FieldName()
OBJECT = JsonObject()
MOMENT = Kind("datetime")
PATH = Kind("path")
