"""One declared variable: of an application, of a credential prototype or of a credential type."""

from __future__ import annotations

from typing import Any

from multiflexi.manifests import values
from multiflexi.manifests.definitions import FieldDefinition
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.texts import texts, unknown_languages, written
from multiflexi.vault.secrecy import is_secret_field

MAX_FIELDS = 500
MAX_KEY = 128
MAX_NAME = 255

# Members that hold the default, the one that is written first; files of prototypes in use prefer the other one.
_DEFAULTS = {
    Kind.APPLICATION: ("defval",),
    Kind.CREDENTIAL_PROTOTYPE: ("default_value", "default"),
    Kind.CREDENTIAL_TYPE: ("default",),
}
_TEXT_MEMBERS = ("name", "description", "hint")
_FLAGS = ("required", "secret", "multiline", "expiring")
_COMMON = frozenset({"type", "options", "required", "secret", *_TEXT_MEMBERS})
# Members with a column of their own; all others are carried along unused.
_KNOWN = {
    Kind.APPLICATION: _COMMON | {"category", "note", "multiline", "expiring"},
    Kind.CREDENTIAL_PROTOTYPE: _COMMON | {"keyword", "expiring"},
    Kind.CREDENTIAL_TYPE: _COMMON | {"keyword"},
}


def read_field(
    kind: Kind, key: str, raw: dict[str, Any], position: int, notes: Notes, *steps: object
) -> FieldDefinition:
    """Canonical form of a field whose JSON types are right, or nearly so; `steps` lead to it."""
    _check_key(key, notes, *steps)
    default_key = _default_key(kind, raw)
    written_default = raw.get(default_key)
    known_type, understood = values.field_type(_text(raw.get("type")), written_default)
    if not understood:
        notes.deviates(f"is no known type; read as {known_type}", *steps, "type")
    elif known_type != raw.get("type", known_type) and kind is Kind.APPLICATION:
        notes.deviates(f"is read as {known_type}", *steps, "type")
    if isinstance(written_default, dict | list):
        notes.deviates("is kept as JSON text; write a text, number or boolean", *steps, default_key)
    default = values.default_text(written_default, known_type)
    problem = values.default_problem(default, known_type, raw.get("options"))
    if problem:
        notes.advise(problem, *steps, default_key)
    raw_category = _text(raw.get("category"))
    category = raw_category if kind is Kind.APPLICATION and raw_category in values.CATEGORIES else ""
    declared = raw.get("secret")
    application = kind is Kind.APPLICATION
    return FieldDefinition(
        type=known_type,
        category=category,
        **{member: _texts(raw.get(member), notes, *steps, member) for member in _TEXT_MEMBERS},
        note=_text(raw.get("note")) if application else "",
        default=default,
        required=raw.get("required") is True,
        secret=is_secret_field(key, known_type, declared if isinstance(declared, bool) else None),
        multiline=application and (raw.get("multiline") is True or known_type == "text"),
        expiring="expiring" in _KNOWN[kind] and raw.get("expiring") is True,
        options=raw.get("options") or None,
        position=position,
        rest=_rest(kind, raw),
    )


def write_field(kind: Kind, key: str, field: FieldDefinition, original: dict[str, Any]) -> dict[str, Any]:
    """JSON form of a field; members of the original that say the same keep their notation."""
    noted = read_field(kind, key, original, field.position, Notes()) if original else FieldDefinition()
    member = _DEFAULTS[kind][0]
    result: dict[str, Any] = {"type": values.exported_type(kind, field.type, original.get("type"))}
    if field.category:
        result["category"] = field.category
    for name in _TEXT_MEMBERS:
        localized = getattr(field, name)
        if localized or (name in original and original[name] == ""):
            result[name] = written(localized, original.get(name))
    if field.note:
        result["note"] = field.note
    if member in original and member == _default_key(kind, original) and noted.default == field.default:
        result[member] = original[member]
    elif field.default is not None:
        result[member] = field.default
    for flag in _FLAGS:
        if flag in _KNOWN[kind] and (getattr(field, flag) != _implied(flag, key, field) or flag in original):
            result[flag] = getattr(field, flag)
    if field.options or "options" in original:
        result["options"] = field.options or original["options"]
    return {**result, **field.rest}


def _default_key(kind: Kind, raw: dict[str, Any]) -> str:
    return next((member for member in reversed(_DEFAULTS[kind]) if member in raw), _DEFAULTS[kind][0])


def _implied(flag: str, key: str, field: FieldDefinition) -> bool:
    """What a file that does not mention a flag means."""
    if flag == "secret":
        return is_secret_field(key, field.type, None)
    return flag == "multiline" and field.type == "text"


def _rest(kind: Kind, raw: dict[str, Any]) -> dict[str, Any]:
    return {member: value for member, value in raw.items() if member not in _KNOWN[kind] | {*_DEFAULTS[kind]}}


def _check_key(key: str, notes: Notes, *steps: object) -> None:
    notes.limit(key, MAX_KEY, *steps)
    if not key or "=" in key or any(character.isspace() or not character.isprintable() for character in key):
        notes.refuse("is no name of a variable: it is empty or has spaces, control characters or =", *steps)
    if key.startswith("MULTIFLEXI_"):
        notes.advise("belongs to the platform, which sets it itself", *steps)


def _texts(value: Any, notes: Notes, *steps: object) -> dict[str, str]:
    localized = texts(value)
    for language in unknown_languages(value):
        notes.deviates("is no known language code", *steps, language)
    if steps[-1] == "name":
        for text in localized.values():
            notes.limit(text, MAX_NAME, *steps)
    return localized


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def too_many(count: int) -> str | None:
    """Why a definition with so many fields is refused, or None."""
    return f"has {count} fields; at most {MAX_FIELDS} are accepted" if count > MAX_FIELDS else None
