"""Application definitions: from a JSON object to canonical form."""

from __future__ import annotations

import re
from typing import Any

from multiflexi.manifests import placeholders, schema
from multiflexi.manifests.aliases import SILENT_KEYS, modernised
from multiflexi.manifests.definitions import ApplicationDefinition, FieldDefinition
from multiflexi.manifests.fields import MAX_NAME, read_field, too_many
from multiflexi.manifests.icons import usable_image
from multiflexi.manifests.identity import application_uuid, is_code, is_uuid
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.sections import (
    Leftover,
    is_usable,
    read_artifacts,
    read_consumes,
    read_exit_codes,
    read_produces,
)
from multiflexi.manifests.texts import Texts, base_text, texts, unknown_languages

MAX_TEXT = 255

# Top-level keys with a column or table of their own; all others live on in the stored manifest.
USED_KEYS = frozenset(
    [
        "$schema",
        "schemaVersion",
        "enabled",
        "uuid",
        "name",
        "title",
        "description",
        "version",
        "executable",
        "cmdparamsTemplate",
        "environment",
        "requirements",
        "ociimage",
        "image",
        "homepage",
        "tags",
        "artifacts",
        "exitCodes",
        "produces",
        "consumes",
        "kubernetes",
        "setup",
        "deploy",
        "resultfile",
        "code",
    ]
)

_EXECUTABLE = re.compile(r"(?:/[\w.+@:-]+)+|[\w.+@:][\w.+@:-]*")
_PINNED = re.compile(r"[\w./:-]+@sha256:[0-9a-f]{64}")
_IMAGE = re.compile(r"[\w./:-]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def read_application(document: dict[str, Any], notes: Notes) -> ApplicationDefinition:
    """Canonical form of an application whose JSON types the schema has found right."""
    modern = schema.without_unknown_members(Kind.APPLICATION, modernised(document, notes))
    name = _texts(modern, "name", notes)
    executable = _executable(modern["executable"], notes)
    literal = modern.get("uuid")
    definition = ApplicationDefinition(
        uuid=application_uuid(literal, executable, base_text(name)),
        uuid_source=literal if literal and not is_uuid(literal) else None,
        name=name,
        executable=executable,
        title=_texts(modern, "title", notes),
        description=_texts(modern, "description", notes),
        version=notes.limit(modern.get("version", ""), MAX_TEXT, "version"),
        cmdparams=placeholders.stored_form(modern.get("cmdparamsTemplate", "")),
        setup=modern.get("setup", ""),
        deploy=modern.get("deploy", ""),
        resultfile=notes.limit(modern.get("resultfile", ""), MAX_TEXT, "resultfile"),
        code=_code(modern.get("code", ""), notes),
        homepage=_homepage(modern.get("homepage", ""), notes),
        ociimage=_container_image(modern.get("ociimage"), notes),
        image=usable_image(modern.get("image", ""), notes),
        requirements=list(modern.get("requirements", [])),
        tags=list(modern.get("tags", [])),
        kubernetes=modern.get("kubernetes"),
        artifacts=read_artifacts(modern.get("artifacts", []), notes),
        exit_codes=read_exit_codes(modern.get("exitCodes", {}), notes),
    )
    definition.environment = _environment(modern["environment"], definition.leftover, notes)
    definition.produces = read_produces(modern.get("produces", {}), definition.leftover, notes)
    definition.consumes = read_consumes(modern.get("consumes", {}), definition.leftover, notes)
    definition.rest = {key: value for key, value in modern.items() if key not in USED_KEYS}
    _note_identity(document, definition, notes)
    _note_unknown_keys(modern, notes)
    _note_arguments(definition, notes)
    return definition


def _texts(modern: dict[str, Any], key: str, notes: Notes) -> Texts:
    localized = texts(modern.get(key))
    for language in unknown_languages(modern.get(key)):
        notes.deviates("is no known language code", key, language)
    if key in ("name", "title"):
        for text in localized.values():
            notes.limit(text, MAX_NAME, key)
    if key == "name" and not localized:
        notes.refuse("is empty", key)
    return localized


def _executable(text: str, notes: Notes) -> str:
    if not _EXECUTABLE.fullmatch(text):
        notes.refuse(
            "must be one word, a program name or an absolute path; arguments belong into cmdparamsTemplate",
            "executable",
        )
    return notes.limit(text, MAX_TEXT, "executable")


def _code(code: str, notes: Notes) -> str:
    if code and not is_code(code):
        notes.deviates("has other than 1 to 32 letters, digits, dashes and underscores; a new one is made", "code")
        return ""
    return code


def _homepage(address: str, notes: Notes) -> str:
    scheme = _SCHEME.match(address)
    if scheme and scheme[1].lower() not in ("http", "https"):
        notes.advise("is not linked, because its scheme is neither http nor https", "homepage")
        return ""
    return notes.limit(address, MAX_TEXT, "homepage")


def _container_image(image: str | None, notes: Notes) -> str:
    if image == "":
        notes.deviates("is empty; leave the key out", "ociimage")
    if not image:
        return ""
    if _PINNED.fullmatch(image):
        return notes.limit(image, MAX_TEXT, "ociimage")
    if not _IMAGE.fullmatch(image):
        notes.deviates("is not used", "ociimage")
        return ""
    notes.advise("names no digest, so that another image may run tomorrow; append @sha256:…", "ociimage")
    return notes.limit(image, MAX_TEXT, "ociimage")


def is_pinned_image(image: Any) -> bool:
    """Whether an image carries a digest, which the platform accepts beyond the schema."""
    return isinstance(image, str) and bool(_PINNED.fullmatch(image))


def _environment(environment: dict[str, Any], leftover: Leftover, notes: Notes) -> dict[str, FieldDefinition]:
    refusal = too_many(len(environment))
    if refusal:
        notes.refuse(refusal, "environment")
        return {}
    found: dict[str, FieldDefinition] = {}
    for key, raw in environment.items():
        if is_usable(raw, "environment", key, leftover, notes):
            found[key] = read_field(Kind.APPLICATION, key, raw, len(found), notes, "environment", key)
    return found


def _note_identity(document: dict[str, Any], definition: ApplicationDefinition, notes: Notes) -> None:
    if definition.uuid_source:
        notes.limit(definition.uuid_source, MAX_TEXT, "uuid")
        notes.deviates(f"is replaced by {definition.uuid}, which is derived from this text", "uuid")
    elif not document.get("uuid"):
        notes.deviates(f"is missing; {definition.uuid} is derived from the executable and the English name", "uuid")


def _note_unknown_keys(modern: dict[str, Any], notes: Notes) -> None:
    known = {*schema.schema(Kind.APPLICATION).rules["properties"], *SILENT_KEYS, "exitcodes", "returnCodes"}
    for key in modern:
        if key not in known:
            notes.deviates("is no known key; it is kept, but not used", key)


def _note_arguments(definition: ApplicationDefinition, notes: Notes) -> None:
    for name in placeholders.names(definition.cmdparams):
        declared = definition.environment.get(name)
        if declared is None and not name.startswith("MULTIFLEXI_"):
            notes.advise(f"names {name}, which is not declared in environment", "cmdparamsTemplate")
        elif declared and declared.secret:
            notes.advise(
                f"names the secret {name}, which would be visible in the list of processes; such a job is refused",
                "cmdparamsTemplate",
            )
