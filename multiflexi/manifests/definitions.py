"""Definitions in canonical form: what a file means, whatever the notation it was written in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any
from uuid import UUID

from multiflexi.manifests.findings import pointer
from multiflexi.manifests.texts import Texts
from multiflexi.vault.secrecy import MASK


@dataclass
class FieldDefinition:
    """A variable that an application reads or a credential provides."""

    type: str = "string"
    category: str = ""
    name: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    hint: Texts = field(default_factory=dict)
    note: str = ""
    default: str | None = None
    required: bool = False
    secret: bool = False
    multiline: bool = False
    expiring: bool = False
    options: Any = None
    position: int = 0
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass
class ArtifactDefinition:
    """A file that an application promises to produce."""

    name: Texts
    path: str
    type: str
    description: Texts = field(default_factory=dict)


@dataclass
class ExitCodeDefinition:
    """What an exit code means; `retry` None leaves the decision to the run template."""

    description: Texts
    severity: str = "error"
    retry: bool | None = None


@dataclass
class ProductDefinition:
    """Data that an application offers to the next one."""

    format: str
    description: Texts = field(default_factory=dict)
    patterns: list[str] = field(default_factory=list)
    fields: Any = None
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass
class IngredientDefinition:
    """Data that an application takes from a previous one."""

    format: str
    description: Texts = field(default_factory=dict)
    required: bool = True
    target: str = ""
    fields: Any = None
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass
class ApplicationDefinition:
    """An application; `rest` and `leftover` hold what the file says and the platform does not use."""

    uuid: UUID
    name: Texts
    executable: str
    uuid_source: str | None = None
    code: str = ""
    title: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    version: str = ""
    cmdparams: str = ""
    setup: str = ""
    deploy: str = ""
    resultfile: str = ""
    homepage: str = ""
    ociimage: str = ""
    image: str = ""
    requirements: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    kubernetes: dict[str, Any] | None = None
    environment: dict[str, FieldDefinition] = field(default_factory=dict)
    artifacts: list[ArtifactDefinition] = field(default_factory=list)
    exit_codes: dict[int, ExitCodeDefinition] = field(default_factory=dict)
    produces: dict[str, ProductDefinition] = field(default_factory=dict)
    consumes: dict[str, IngredientDefinition] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    leftover: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class CredentialDefinition:
    """A credential prototype, or a credential type as a file describes it."""

    uuid: UUID
    code: str
    name: Texts
    uuid_source: str | None = None
    description: Texts = field(default_factory=dict)
    version: str = ""
    url: str = ""
    homepage: str = ""
    logo: str = ""
    tags: list[str] = field(default_factory=list)
    fields: dict[str, FieldDefinition] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One value that differs: JSON Pointer, old and new value (None where there was or will be nothing)."""

    path: str
    old: Any
    new: Any

    def as_dict(self) -> dict[str, Any]:
        """The form of a change in JSON output and in the audit trail."""
        return {"path": self.path, "old": self.old, "new": self.new}


def differences(old: Any, new: Any) -> list[Change]:
    """Values in which two definitions of the same class differ; secret defaults are not told."""
    before, after = _leaves(old), _leaves(new)
    changes = []
    for path in dict.fromkeys([*before, *after]):
        was, will_be = before.get(path, _NOTHING), after.get(path, _NOTHING)
        if canonical_json(was.value) != canonical_json(will_be.value):
            hidden = was.secret or will_be.secret
            changes.append(Change(path, *(_shown(leaf.value, hidden) for leaf in (was, will_be))))
    return changes


def canonical_json(value: Any) -> str:
    """Text for comparison: the order of members does not count, 1 and true are different things."""
    return json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True)
class _Leaf:
    value: Any
    secret: bool = False


_NOTHING = _Leaf(None)


def _shown(value: Any, hidden: bool) -> Any:
    if hidden and value is not None:
        return MASK
    return str(value) if isinstance(value, UUID) else value


def _leaves(value: Any, *steps: object) -> dict[str, _Leaf]:
    found: dict[str, _Leaf] = {}
    for member in fields(value):
        content = getattr(value, member.name)
        secret = member.name == "default" and value.secret
        found |= _expanded(content, secret, *steps, member.name)
    return found


def _expanded(content: Any, secret: bool, *steps: object) -> dict[str, _Leaf]:
    children: list[tuple[object, Any]] = []
    if isinstance(content, dict):
        children = list(content.items())
    elif isinstance(content, list):
        children = list(enumerate(content))
    if any(is_dataclass(child) for _, child in children):
        return {path: leaf for key, child in children for path, leaf in _leaves(child, *steps, key).items()}
    return {} if content in ({}, [], "", None) else {pointer(*steps): _Leaf(content, secret)}
