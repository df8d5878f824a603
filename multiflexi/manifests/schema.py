"""The shipped JSON Schemas, and what of a document breaks them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from multiflexi.manifests.findings import Finding, Level, pointer
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.wording import sentence

if TYPE_CHECKING:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import ValidationError

# Without these nobody can tell what is meant, so that even a lenient import refuses the file.
INDISPENSABLE = {
    Kind.APPLICATION: frozenset({"name", "executable", "environment"}),
    Kind.CREDENTIAL_PROTOTYPE: frozenset({"name", "code"}),
    Kind.CREDENTIAL_TYPE: frozenset({"name", "code", "fields"}),
}


@dataclass(frozen=True)
class Schema:
    """One shipped schema: its file, its version and its rules."""

    kind: Kind
    path: Path
    version: str
    rules: dict[str, Any]


@functools.cache
def schema(kind: Kind) -> Schema:
    """The schema of a kind of definition."""
    path = Path(str(resources.files("multiflexi.manifests").joinpath("schemas", f"{kind.value}.json")))
    rules = json.loads(path.read_text(encoding="utf-8"))
    return Schema(kind, path, rules["x-version"], rules)


@functools.cache
def validator(kind: Kind, part: str | None = None) -> Draft7Validator:
    """Draft 7 validator of a kind, or of one of its named parts; it never fetches anything."""
    # Imported late: the library takes longer to load than the rest of a command.
    from jsonschema import Draft7Validator, FormatChecker

    rules = schema(kind).rules
    if part is not None:
        rules = {"$ref": f"#/definitions/{part}", "definitions": rules["definitions"]}
    return Draft7Validator(rules, format_checker=FormatChecker(formats=["uuid", "uri"]))


def violations(kind: Kind, document: Any) -> list[Finding]:
    """Every rule of the schema that the document breaks, ordered by place."""
    errors = sorted(validator(kind).iter_errors(document), key=lambda error: [str(step) for step in error.path])
    found = [finding for error in errors for finding in _findings(kind, error)]
    return list(dict.fromkeys(found))


def part_violations(kind: Kind, part: str, value: Any, *steps: object) -> list[Finding]:
    """Rules of one named part of the schema that a value breaks; `steps` lead to the value."""
    errors = validator(kind, part).iter_errors(value)
    found = (finding for error in errors for finding in _findings(kind, error))
    return [Finding(pointer(*steps) + finding.path, finding.message, finding.level) for finding in found]


def without_unknown_members(kind: Kind, document: dict[str, Any]) -> dict[str, Any]:
    """A copy without the members that a closed part of the schema does not allow."""
    rules = schema(kind).rules
    return cast("dict[str, Any]", _pruned(rules, rules, document))


def is_looked_at(kind: Kind, section: str, name: str) -> bool:
    """Whether the schema has rules for an entry of this name; it ignores names outside of its patterns."""
    return any(re.search(pattern, name) for pattern in schema(kind).rules["properties"][section]["patternProperties"])


def _pruned(rules: dict[str, Any], part: dict[str, Any], value: Any) -> Any:
    if "$ref" in part:
        part = rules["definitions"][part["$ref"].removeprefix("#/definitions/")]
    if isinstance(value, list):
        return [_pruned(rules, part.get("items", {}), entry) for entry in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, child in value.items():
        known = part.get("properties", {}).get(name)
        for pattern, rule in part.get("patternProperties", {}).items():
            known = rule if known is None and re.search(pattern, name) else known
        if known is not None or part.get("additionalProperties") is not False:
            kept[name] = _pruned(rules, known or {}, child)
    return kept


def _findings(kind: Kind, error: ValidationError) -> Iterator[Finding]:
    steps = tuple(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                fatal = not steps and name in INDISPENSABLE[kind]
                level = Level.FATAL if fatal else Level.VIOLATION
                yield Finding(pointer(*steps, name), "is required and missing", level)
    elif error.validator == "additionalProperties" and error.validator_value is False:
        rule = error.schema.get("x-rule", "unknown key; only the documented ones are allowed here")
        for name in _unknown_members(error):
            yield Finding(pointer(*steps, name), rule, Level.VIOLATION)
    else:
        level = Level.FATAL if error.validator == "type" else Level.VIOLATION
        yield Finding(pointer(*steps), sentence(error), level)


def _unknown_members(error: ValidationError) -> list[str]:
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    return [
        name
        for name in error.instance
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]
