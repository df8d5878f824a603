"""Values of typed fields: checking what a person gives, and the form handed to the process.

Stored form is always text; None means "not set", the empty string means "set to empty".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from multiflexi.models import BoolStyle, FieldType

SECRET_BYTES = 64 * 1024
TRUE_WORDS = frozenset({"true", "1", "yes", "on", "y", "t"})
FALSE_WORDS = frozenset({"", "false", "0", "no", "off", "n", "f"})

_INTEGER = re.compile(r"[+-]?[0-9]+")
_WEB_ADDRESS = re.compile(r"(?i:https?)://[^/\s]+\S*")
_DSN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_RENDERED = {
    BoolStyle.WORDS: ("true", "false"),
    BoolStyle.DIGITS: ("1", "0"),
    BoolStyle.EMPTY: ("1", ""),
}


class FieldError(ValueError):
    """A value does not fit the type of its field; the message names field, rule and way out, never the value."""


class Field(Protocol):
    """What is needed to know of a field; `ConfField` and `CredentialTypeField` fit."""

    keyname: str
    type: str
    options: Any


def parse_bool(text: str) -> bool:
    """Read true/1/yes/on/y/t and false/0/no/off/n/f/'' in any case; raises ValueError for anything else."""
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(word)


def validate(field: Field, text: str, stored: str | None = None) -> str:
    """Return the text to store for a field, or raise FieldError; `stored` is the present value, which always passes.

    An empty string passes for every type: whether a value is required is decided over the assembled environment.
    A text with macros is stored as it is, because its final form is known at the start of a job only.
    """
    if "\0" in text:
        raise FieldError(_("%(name)s: a value cannot contain a NUL character; remove it.") % {"name": field.keyname})
    check = _CHECKS.get(field.type)
    if check is None or text in ("", stored) or _MACRO.search(text):
        return text
    return check(field, text)


def refuse_long_secret(name: str, text: str) -> None:
    """Raise FieldError for a secret of more than 64 KiB in UTF-8: masking takes several hundred times its size."""
    if len(text.encode("utf-8", "surrogatepass")) > SECRET_BYTES:
        raise FieldError(
            _("%(name)s: a secret has at most %(most)d bytes; shorten it, or hand it over as a file.")
            % {"name": name, "most": SECRET_BYTES}
        )


def to_process(field_type: str, text: str, bool_style: str) -> str:
    """The form in which a value reaches the process: booleans as the application wants them, numbers trimmed.

    Raises ValueError when a boolean cannot be read. Every other text passes, because imported values were never
    checked and an application may know what to do with them.
    """
    if field_type == FieldType.BOOL:
        yes, no = _RENDERED[BoolStyle(bool_style)]
        return yes if parse_bool(text) else no
    if field_type in (FieldType.INTEGER, FieldType.FLOAT):
        return text.strip()
    return text


def option_values(options: Any) -> list[str]:
    """The allowed values of a choice: members of an object or array, or the `value` of each {value, label}."""
    if isinstance(options, Mapping):
        return [str(value) for value in options]
    if isinstance(options, Iterable) and not isinstance(options, str):
        return [str(entry.get("value", "") if isinstance(entry, Mapping) else entry) for entry in options]
    return []


def _checked_bool(field: Field, text: str) -> str:
    try:
        return "true" if parse_bool(text) else "false"
    except ValueError:
        raise FieldError(
            _("%(name)s: write true or false (also 1/0, yes/no, on/off).") % {"name": field.keyname}
        ) from None


def _checked_integer(field: Field, text: str) -> str:
    if not _INTEGER.fullmatch(text.strip()):
        raise FieldError(_("%(name)s: write a whole number, digits with an optional sign.") % {"name": field.keyname})
    return text.strip()


def _checked_float(field: Field, text: str) -> str:
    try:
        finite = math.isfinite(float(text)) and "_" not in text
    except ValueError:
        finite = False
    if not finite:
        raise FieldError(_("%(name)s: write a number with a decimal point, such as 12.5.") % {"name": field.keyname})
    return text.strip()


def _checked_email(field: Field, text: str) -> str:
    try:
        for address in filter(None, (part.strip() for part in re.split("[,;]", text))):
            validate_email(address)
    except ValidationError:
        raise FieldError(
            _("%(name)s: write an e-mail address, or several separated by commas.") % {"name": field.keyname}
        ) from None
    return text


def _checked_url(field: Field, text: str) -> str:
    address = text.strip()
    web = address.lower().startswith(("http:", "https:"))
    if not (_WEB_ADDRESS if web else _DSN).fullmatch(address):
        raise FieldError(
            _("%(name)s: write a complete address with its scheme, such as https://example.org/.")
            % {"name": field.keyname}
        )
    return address


def _checked_choice(field: Field, text: str) -> str:
    allowed = option_values(field.options)
    if allowed and text not in allowed:
        raise FieldError(
            _("%(name)s: choose one of: %(allowed)s.") % {"name": field.keyname, "allowed": ", ".join(allowed)}
        )
    return text


def _checked_line(field: Field, text: str) -> str:
    if "\n" in text or "\r" in text:
        raise FieldError(_("%(name)s holds one line; use a field of type text for several.") % {"name": field.keyname})
    return text


def _checked_path(field: Field, text: str) -> str:
    if "\n" in text or "\r" in text:
        raise FieldError(
            _("%(name)s: write the path of a file in one line; the file itself can be given to credentials.")
            % {"name": field.keyname}
        )
    return text


_MACRO = re.compile(r"\{[A-Z_][A-Z0-9_]*\}")
_CHECKS: dict[str, Callable[[Field, str], str]] = {
    FieldType.STRING: _checked_line,
    FieldType.BOOL: _checked_bool,
    FieldType.INTEGER: _checked_integer,
    FieldType.FLOAT: _checked_float,
    FieldType.EMAIL: _checked_email,
    FieldType.URL: _checked_url,
    FieldType.FILE_PATH: _checked_path,
    FieldType.SET: _checked_choice,
}
