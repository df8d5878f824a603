"""Sections of an application definition: promised files, exit codes, data for chaining."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from multiflexi.manifests import patterns, schema, values
from multiflexi.manifests.definitions import (
    ArtifactDefinition,
    ExitCodeDefinition,
    IngredientDefinition,
    ProductDefinition,
)
from multiflexi.manifests.fields import MAX_KEY, MAX_NAME
from multiflexi.manifests.findings import Level
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.texts import texts

MAX_PATH = 512
MAX_ARTIFACT_TYPE = 128

Leftover = dict[str, dict[str, Any]]
# Parts of the schema that describe one entry of a section.
_PARTS = {"environment": "variable", "produces": "product", "consumes": "ingredient"}

D = TypeVar("D", ProductDefinition, IngredientDefinition)


def is_usable(raw: Any, section: str, key: str, leftover: Leftover, notes: Notes) -> bool:
    """Whether an entry that the schema did not look at has the right JSON types; else it is put aside."""
    if schema.is_looked_at(Kind.APPLICATION, section, key):
        return True
    if any(finding.level == Level.FATAL for finding in schema.part_violations(Kind.APPLICATION, _PARTS[section], raw)):
        notes.deviates("is not used, because its JSON types are wrong", section, key)
        leftover.setdefault(section, {})[key] = raw
        return False
    return True


def read_artifacts(entries: list[dict[str, Any]], notes: Notes) -> list[ArtifactDefinition]:
    """Promised files; an entry without path is left out."""
    found = []
    for index, entry in enumerate(entries):
        path = entry.get("path")
        if not path:
            notes.deviates("has no path and is left out", "artifacts", index)
            continue
        notes.limit(path, MAX_PATH, "artifacts", index, "path")
        _note_pattern(path, notes, "artifacts", index, "path")
        name = texts(entry.get("name")) or texts(path)
        for text in name.values():
            notes.limit(text, MAX_NAME, "artifacts", index, "name")
        kind = notes.limit(entry.get("type", "file"), MAX_ARTIFACT_TYPE, "artifacts", index, "type")
        found.append(ArtifactDefinition(name, path, kind, texts(entry.get("description"))))
    return found


def _note_pattern(pattern: str, notes: Notes, *steps: object) -> None:
    problem = patterns.problem(pattern)
    if problem:
        notes.advise(f"is switched off as a pattern and matches only a file of exactly this name: {problem}", *steps)


def read_exit_codes(entries: dict[str, Any], notes: Notes) -> dict[int, ExitCodeDefinition]:
    """Documented exit codes in ascending order."""
    found: dict[int, ExitCodeDefinition] = {}
    for written, entry in sorted(entries.items(), key=lambda item: (len(item[0]), item[0])):
        if len(written) > 9:
            notes.refuse("has too many digits for an exit code", "exitCodes", written)
            continue
        code = int(written)
        if code in found:
            notes.deviates(f"describes exit code {code} once more; the longest spelling counts", "exitCodes", written)
        if code > 255:
            notes.advise("cannot occur: a process ends with a code from 0 to 255", "exitCodes", written)
        severity = entry.get("severity", "error")
        found[code] = ExitCodeDefinition(
            description=texts(entry.get("description")),
            severity=severity if severity in ("success", "info", "warning", "error", "critical") else "error",
            retry=entry.get("retry"),
        )
    return found


def read_produces(entries: dict[str, Any], leftover: Leftover, notes: Notes) -> dict[str, ProductDefinition]:
    """Data offered to following applications."""
    return _chained(entries, "produces", _product, leftover, notes)


def read_consumes(entries: dict[str, Any], leftover: Leftover, notes: Notes) -> dict[str, IngredientDefinition]:
    """Data taken from previous applications."""
    return _chained(entries, "consumes", _ingredient, leftover, notes)


def _chained(
    entries: dict[str, Any], section: str, read: Callable[..., D], leftover: Leftover, notes: Notes
) -> dict[str, D]:
    found = {}
    for name, raw in entries.items():
        if is_usable(raw, section, name, leftover, notes):
            notes.limit(name, MAX_KEY, section, name)
            found[name] = read(raw, notes, section, name)
    return found


def _format(raw: dict[str, Any], notes: Notes, *steps: object) -> str:
    for candidate in (raw.get("format"), raw.get("type")):
        if isinstance(candidate, str) and candidate in values.FORMATS:
            if candidate != raw.get("format"):
                notes.deviates(f"is taken to be {candidate}", *steps, "format")
            return candidate
    notes.deviates("is taken to be json", *steps, "format")
    return "json"


def _product(raw: dict[str, Any], notes: Notes, *steps: object) -> ProductDefinition:
    for index, pattern in enumerate(raw.get("patterns", [])):
        _note_pattern(pattern, notes, *steps, "patterns", index)
    known = {"format", "description", "patterns", "fields"}
    return ProductDefinition(
        format=_format(raw, notes, *steps),
        description=texts(raw.get("description")),
        patterns=list(raw.get("patterns", [])),
        fields=raw.get("fields"),
        rest={member: value for member, value in raw.items() if member not in known},
    )


def _ingredient(raw: dict[str, Any], notes: Notes, *steps: object) -> IngredientDefinition:
    target = raw.get("target")
    if target is not None and not isinstance(target, str):
        notes.refuse("must be the name of a variable", *steps, "target")
    known = {"format", "description", "required", "target", "fields"}
    return IngredientDefinition(
        format=_format(raw, notes, *steps),
        description=texts(raw.get("description")),
        required=raw.get("required", True),
        target=notes.limit(target if isinstance(target, str) else "", MAX_KEY, *steps, "target"),
        fields=raw.get("fields"),
        rest={member: value for member, value in raw.items() if member not in known},
    )
