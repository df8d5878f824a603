"""Credential prototypes and types: between a JSON object and canonical form."""

from __future__ import annotations

import re
from typing import Any

from multiflexi.manifests import schema
from multiflexi.manifests.definitions import CredentialDefinition, FieldDefinition
from multiflexi.manifests.fields import read_field, too_many, write_field
from multiflexi.manifests.findings import Finding, Level
from multiflexi.manifests.identity import definition_uuid, is_uuid
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.texts import base_text, texts, unknown_languages, written

MAX_TEXT = 255
MAX_VERSION = 20
MAX_CODE = 64

# `$schema`, `schema` and `id` are labels; a type file may carry them although its schema is closed.
_LABELS = frozenset({"$schema", "schema", "id", "schemaVersion"})
_USED_KEYS = _LABELS | frozenset(
    ["uuid", "code", "name", "description", "version", "url", "homepage", "logo", "tags", "fields", "localized"]
)
_CODE = re.compile(r"[A-Za-z0-9_-]{2,64}")
_ORDER = [
    "$schema",
    "schema",
    "id",
    "uuid",
    "code",
    "name",
    "description",
    "version",
    "url",
    "homepage",
    "logo",
    "tags",
    "fields",
]


def read_credential(kind: Kind, document: dict[str, Any], notes: Notes) -> CredentialDefinition:
    """Canonical form of a prototype or type whose JSON types the schema has found right."""
    if kind is Kind.CREDENTIAL_TYPE:
        document = schema.without_unknown_members(kind, document)
    name = _localized(document, "name", notes)
    if not name:
        notes.refuse("is empty", "name")
    code = document["code"].strip()
    if kind is Kind.CREDENTIAL_PROTOTYPE and not _CODE.fullmatch(code):
        notes.refuse("cannot be kept: applications could not require it", "code")
    literal = document.get("uuid")
    definition = CredentialDefinition(
        uuid=definition_uuid(kind, literal, code),
        uuid_source=literal if literal and not is_uuid(literal) else None,
        code=notes.limit(code, MAX_CODE, "code"),
        name=name,
        description=_localized(document, "description", notes),
        version=notes.limit(_version(kind, document, notes), MAX_VERSION, "version"),
        url=notes.limit(_address(document, "url", notes), MAX_TEXT, "url"),
        homepage=notes.limit(_address(document, "homepage", notes), MAX_TEXT, "homepage"),
        logo=document.get("logo", ""),
        tags=list(document.get("tags", [])),
        fields=_fields(kind, document.get("fields", []), notes),
        rest={key: value for key, value in document.items() if key not in _USED_KEYS},
    )
    if definition.uuid_source:
        notes.limit(definition.uuid_source, MAX_TEXT, "uuid")
        notes.deviates(f"is replaced by {definition.uuid}, which is derived from this text", "uuid")
    elif not literal:
        notes.deviates(f"is missing; {definition.uuid} is derived from the code", "uuid")
    if kind is Kind.CREDENTIAL_TYPE:
        _drop_secret_defaults(definition, notes)
    known = {*schema.schema(kind).rules["properties"], *_USED_KEYS}
    for key in definition.rest:
        if key not in known:
            notes.deviates("is no known key; it is kept, but not used", key)
    return definition


def softened(kind: Kind, document: dict[str, Any], findings: list[Finding]) -> list[Finding]:
    """Schema findings in which a lenient import sees no obstacle: a default written as number or boolean."""
    if kind is not Kind.CREDENTIAL_PROTOTYPE:
        return findings
    return [
        Finding(finding.path, finding.message, Level.VIOLATION)
        if finding.path.endswith("/default_value") and _is_scalar(document, finding.path)
        else finding
        for finding in findings
    ]


def credential_document(
    kind: Kind, definition: CredentialDefinition, original: dict[str, Any] | None = None
) -> dict[str, Any]:
    """JSON object of a prototype or type; where the original manifest says the same, its notation is kept."""
    base = original or {}
    labels: dict[str, Any] = {key: base[key] for key in ("$schema", "schema") if key in base}
    if kind is Kind.CREDENTIAL_PROTOTYPE and not labels:
        labels = {"$schema": schema.schema(kind).rules["$id"]}
    values: dict[str, Any] = {
        **(labels if kind is Kind.CREDENTIAL_PROTOTYPE else {}),
        "uuid": definition.uuid_source or str(definition.uuid),
        "code": definition.code,
        "name": written(definition.name, base.get("name")),
        "version": definition.version,
        "fields": _written_fields(kind, definition, base.get("fields", [])),
        **definition.rest,
    }
    if definition.description or "description" in base or kind is Kind.CREDENTIAL_TYPE:
        values["description"] = written(definition.description, base.get("description"))
    for key in ("url", "homepage", "logo", "tags"):
        value = getattr(definition, key)
        if value or (key in base and base[key] == value and key in ("logo", "tags")):
            values[key] = value
    return {key: values[key] for key in (*_ORDER, *values) if key in values}


def _localized(document: dict[str, Any], key: str, notes: Notes) -> dict[str, str]:
    """Texts of a key; type files may keep translations apart under `localized`."""
    for language in unknown_languages(document.get(key)):
        notes.deviates("is no known language code", key, language)
    localized = document.get("localized")
    apart = texts(localized.get(key)) if isinstance(localized, dict) else {}
    found = {**apart, **texts(document.get(key))}
    if key == "name":
        for text in found.values():
            notes.limit(text, MAX_TEXT, key)
    return found


def _version(kind: Kind, document: dict[str, Any], notes: Notes) -> str:
    version = document.get("version", "")
    if not version:
        version = "1" if kind is Kind.CREDENTIAL_TYPE else "1.0"
        notes.deviates(f"counts as {version}", "version")
    return str(version)


def _address(document: dict[str, Any], key: str, notes: Notes) -> str:
    address = str(document.get(key, ""))
    scheme, colon, _ = address.partition(":")
    if colon and scheme.lower() not in ("http", "https"):
        notes.advise("is not linked, because its scheme is neither http nor https", key)
        return ""
    return address


def _fields(kind: Kind, entries: list[dict[str, Any]], notes: Notes) -> dict[str, FieldDefinition]:
    refusal = too_many(len(entries))
    if refusal:
        notes.refuse(refusal, "fields")
        return {}
    counting: dict[str, int] = {}
    for index, raw in enumerate(entries):
        key = raw.get("keyword")
        if not key:
            notes.deviates("has no keyword and is left out", "fields", index)
        elif key in counting:
            notes.deviates(f"describes {key} once more; the last one counts", "fields", index)
        if key:
            counting[key] = index
    return {
        key: read_field(kind, key, entries[index], position, notes, "fields", index)
        for position, (key, index) in enumerate(counting.items())
    }


def _drop_secret_defaults(definition: CredentialDefinition, notes: Notes) -> None:
    """A type belongs to a company: what is secret there is entered, encrypted, on the type or the credential."""
    for key, field in definition.fields.items():
        if field.secret and field.default is not None:
            notes.advise(f"the default of the secret {key} is not taken; enter it as a value", "fields", field.position)
            field.default = None


def _written_fields(kind: Kind, definition: CredentialDefinition, original: Any) -> list[dict[str, Any]]:
    entries = original if isinstance(original, list) else []
    before = {entry.get("keyword"): entry for entry in entries if isinstance(entry, dict)}
    result = []
    for key, field in sorted(definition.fields.items(), key=lambda item: item[1].position):
        entry = {"keyword": key, **write_field(kind, key, field, before.get(key, {}))}
        if kind is Kind.CREDENTIAL_TYPE:
            entry.setdefault("name", base_text(field.name))
        result.append(entry)
    return result


def _is_scalar(document: Any, path: str) -> bool:
    value = document
    for step in path.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return isinstance(value, bool | int | float)


def without_secret_defaults(document: dict[str, Any], definition: CredentialDefinition) -> dict[str, Any]:
    """A type's document as it may be stored: without the defaults of secret fields."""
    fields = [
        {member: value for member, value in entry.items() if member != "default"}
        if entry.get("keyword") in definition.fields and definition.fields[entry["keyword"]].secret
        else entry
        for entry in document["fields"]
    ]
    return {**document, "fields": fields}
