"""Broken schema rules in words. Values are quoted only where they are names or choices, never defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_TYPES = {
    "string": "a text",
    "object": "an object",
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_FORMATS = {
    "uuid": "is no UUID (32 hexadecimal digits in groups of 8, 4, 4, 4 and 12)",
    "uri": "is no complete address with a scheme, such as https://example.org/",
}
_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} entries",
    "minProperties": "must have at least {} members",
}


def sentence(error: ValidationError) -> str:
    """What is wrong with the value, and what would be right."""
    rule = error.validator
    if rule == "type":
        wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        return f"must be {' or '.join(_TYPES[name] for name in wanted)}, not {kind_of(error.instance)}"
    if "x-rule" in error.schema:
        return f"{quoted(error.instance)} does not fit: {error.schema['x-rule']}"
    if rule == "enum":
        return f"{quoted(error.instance)} is none of {', '.join(str(value) for value in error.validator_value)}"
    if rule == "format":
        return f"{quoted(error.instance)} {_FORMATS[str(error.validator_value)]}"
    if rule in _BOUNDS:
        return _BOUNDS[str(rule)].format(error.validator_value)
    return f"breaks the rule {rule}"


def kind_of(value: Any) -> str:
    """Kind of a JSON value, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"


def quoted(value: Any) -> str:
    """A value in quotation marks, shortened."""
    text = value if isinstance(value, str) else repr(value)
    return f'"{text[:77]}…"' if len(text) > 78 else f'"{text}"'
