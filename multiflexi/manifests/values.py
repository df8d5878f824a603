"""Field types and defaults in the one form in which the platform keeps them."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.manifests.kinds import Kind

TYPES = frozenset({"string", "file-path", "email", "url", "integer", "float", "bool", "password", "set", "text"})
TYPE_ALIASES = {
    "checkbox": "bool",
    "boolean": "bool",
    "switch": "bool",
    "number": "integer",
    "int": "integer",
    "double": "float",
    "select": "set",
    "directory": "file-path",
    "file": "file-path",
    "textarea": "text",
    "secret": "password",
}
CATEGORIES = frozenset({"API", "Database", "Behavior", "Security", "Other"})
FORMATS = frozenset({"file", "json", "text", "url", "custom"})

TRUE_WORDS = frozenset({"true", "1", "yes", "on", "y", "t"})
FALSE_WORDS = frozenset({"false", "0", "no", "off", "n", "f"})

# Words of the schemas of credentials for types that applications call differently.
_EXPORTED_TYPES = {
    Kind.CREDENTIAL_PROTOTYPE: {"bool": "boolean", "set": "select", "text": "textarea", "file-path": "file"},
    Kind.CREDENTIAL_TYPE: {"bool": "boolean", "set": "select", "integer": "number", "float": "number"},
}


def field_type(written: str | None, default: Any = None) -> tuple[str, bool]:
    """Canonical type of a field, and whether the written one was understood."""
    name = (written or "string").strip().lower()
    if name == "number" and isinstance(default, float):
        return "float", True
    canonical = TYPE_ALIASES.get(name, name)
    return (canonical, True) if canonical in TYPES else ("string", False)


def exported_type(kind: Kind, canonical: str, original: Any) -> str:
    """Word for a type in files of this kind; the original word stays while it means the same."""
    spoken = _EXPORTED_TYPES.get(kind, {})
    if kind is not Kind.APPLICATION and isinstance(original, str) and original in {*spoken.values(), "secret"}:
        if field_type(original)[0] == canonical:
            return original
        if {canonical, original} == {"float", "number"}:
            return original
    return spoken.get(canonical, canonical)


def default_text(value: Any, canonical_type: str) -> str | None:
    """A default as text: booleans as `true` and `false`, structures as JSON, null and an empty text as no default.

    An empty default must not count as a value, or it would hide what a lower layer sets.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = str(value)
    if canonical_type == "bool" and text.strip().lower() in TRUE_WORDS | FALSE_WORDS:
        return "true" if text.strip().lower() in TRUE_WORDS else "false"
    return text


def default_problem(text: str | None, canonical_type: str, options: Any) -> str | None:
    """Why a default cannot be a value of its field, or None; placeholders are left to the start of a job."""
    if not text or "{" in text:
        return None
    if canonical_type == "bool" and text not in ("true", "false"):
        return "the default is neither true nor false"
    if canonical_type in ("integer", "float") and not _is_number(text, canonical_type):
        return f"the default is no {'whole number' if canonical_type == 'integer' else 'number'}"
    choices = option_values(options)
    if canonical_type == "set" and choices and text not in choices:
        return "the default is none of the options"
    return None


def option_values(options: Any) -> list[str]:
    """Values that may be chosen, from any of the notations of options."""
    if isinstance(options, dict):
        return list(options)
    if not isinstance(options, list):
        return []
    values = (option.get("value") if isinstance(option, dict) else option for option in options)
    return [str(default_text(value, "string")) for value in values]


def _is_number(text: str, canonical_type: str) -> bool:
    try:
        int(text) if canonical_type == "integer" else float(text)
    except ValueError:
        return False
    return True
