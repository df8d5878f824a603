"""What an import or removal did, for every surface."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from multiflexi.manifests.definitions import Change
from multiflexi.manifests.findings import Finding
from multiflexi.manifests.kinds import Kind
from multiflexi.models import Application, CredentialPrototype, CredentialType, RunTemplate


class Result(StrEnum):
    """Outcome of an import."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass
class ImportReport:
    """Outcome of one file; `incomplete` are the run templates that lack a value since this import."""

    origin: str
    kind: Kind
    digest: str
    result: Result = Result.REJECTED
    record: Application | CredentialPrototype | CredentialType | None = None
    changes: list[Change] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    incomplete: list[RunTemplate] = field(default_factory=list)
    dry_run: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the file was stored, or is stored already."""
        return self.result != Result.REJECTED

    @property
    def application(self) -> Application | None:
        """The application, if the file defines one and was accepted."""
        return self.record if isinstance(self.record, Application) else None

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON members."""
        return {
            "file": self.origin,
            "kind": self.kind.value,
            "result": self.result.value,
            "id": None if self.record is None else self.record.pk,
            "changes": [change.as_dict() for change in self.changes],
            "warnings": [finding.as_dict() for finding in self.warnings],
            "errors": [finding.as_dict() for finding in self.errors],
            "incomplete": [{"id": template.pk, "name": template.name} for template in self.incomplete],
            "dry_run": self.dry_run,
        }


class Removal(StrEnum):
    """Outcome of a removal."""

    REMOVED = "removed"
    RETIRED = "retired"
    PURGED = "purged"
    REFUSED = "refused"
    NOTHING = "nothing"


@dataclass
class RemovalReport:
    """Outcome of a removal; `users` are the names of what still uses the record."""

    result: Removal
    message: str
    record: Application | CredentialPrototype | CredentialType | None = None
    users: list[str] = field(default_factory=list)

    @property
    def removed(self) -> bool:
        """Whether the record is no longer offered."""
        return self.result in (Removal.REMOVED, Removal.RETIRED, Removal.PURGED)
