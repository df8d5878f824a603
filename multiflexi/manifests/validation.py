"""Looking at a definition file without storing anything: no Django, no database, no network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multiflexi.manifests import reading, schema
from multiflexi.manifests.application import is_pinned_image, read_application
from multiflexi.manifests.credential import read_credential, softened
from multiflexi.manifests.definitions import ApplicationDefinition, CredentialDefinition
from multiflexi.manifests.findings import Finding, Level, Unreadable, merged
from multiflexi.manifests.kinds import Kind, recognise
from multiflexi.manifests.notes import Notes


@dataclass(frozen=True)
class Analysis:
    """All that can be said about a file by itself; `definition` is None when an import must refuse it."""

    kind: Kind
    digest: str
    document: dict[str, Any] | None
    definition: ApplicationDefinition | CredentialDefinition | None
    findings: list[Finding]

    def refusals(self, *, strict: bool) -> list[Finding]:
        """Findings because of which an import refuses the file."""
        threshold = Level.DEVIATION if strict else Level.FATAL
        return [finding for finding in self.findings if finding.level >= threshold]


@dataclass(frozen=True)
class ValidationReport:
    """Verdict on a file against the shipped schema and the limits of the platform."""

    origin: str
    kind: Kind
    schema_path: Path
    schema_version: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether no rule is broken; warnings do not count."""
        return not any(finding.level >= Level.VIOLATION for finding in self.findings)

    @property
    def violations(self) -> list[str]:
        """A line that names schema and version, then one per broken rule; empty for a valid file."""
        broken = [finding for finding in self.findings if finding.level >= Level.VIOLATION]
        heading = f"Schema {self.schema_path.name} version {self.schema_version}"
        return [heading, *(f"Property '{_dotted(one.path)}': {one.message}" for one in broken)] if broken else []

    @property
    def message(self) -> str:
        """The verdict in one sentence."""
        rules = f"{self.schema_path.name} {self.schema_version}"
        if self.valid:
            return f"{self.origin} satisfies {rules}"
        return f"{self.origin} breaks {rules} in {len(self.violations) - 1} places"

    def as_dict(self) -> dict[str, Any]:
        """The members of the JSON output of the validate commands."""
        found: dict[str, Any] = {
            "status": "success" if self.valid else "error",
            "file": self.origin,
            "kind": self.kind.value,
            "schema": str(self.schema_path),
            "message": self.message,
            "findings": [finding.as_dict() for finding in self.findings],
        }
        return found if self.valid else {**found, "violations": self.violations}


def validate(data: bytes, origin: str, kind: Kind | str | None = None) -> ValidationReport:
    """Judge a definition file strictly; the kind is recognised by content unless it is given.

    `origin` names the file in messages. Never raises for what is in the file; ValueError for an unknown kind.
    """
    analysis = analyse(data, origin, None if kind is None else Kind(kind))
    rules = schema.schema(analysis.kind)
    return ValidationReport(origin, analysis.kind, rules.path, rules.version, analysis.findings)


def analyse(data: bytes, origin: str, kind: Kind | None = None) -> Analysis:
    """Read, check and normalise a file; nothing in it makes this fail."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        source = reading.read(data)
    except Unreadable as error:
        return Analysis(kind or Kind.APPLICATION, digest, None, None, list(error.findings))
    document = source.document
    kind = kind or recognise(document, origin)
    broken = softened(kind, document, _violations(kind, document))
    notes = Notes()
    definition: ApplicationDefinition | CredentialDefinition | None = None
    if not any(finding.level == Level.FATAL for finding in broken):
        if kind is Kind.APPLICATION:
            definition = read_application(document, notes)
        else:
            definition = read_credential(kind, document, notes)
    findings = merged([*source.findings, *broken, *notes.findings])
    if any(finding.level == Level.FATAL for finding in findings):
        definition = None
    return Analysis(kind, digest, document, definition, findings)


def _violations(kind: Kind, document: dict[str, Any]) -> list[Finding]:
    found = schema.violations(kind, document)
    if kind is Kind.APPLICATION and is_pinned_image(document.get("ociimage")):
        # The schema of the original knows no digests, yet they are the better way to name an image.
        return [finding for finding in found if finding.path != "/ociimage"]
    return found


def _dotted(path: str) -> str:
    return path[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")
