"""One running import: the file, its report, and what both kinds of record need."""

from __future__ import annotations

from dataclasses import dataclass

from multiflexi.manifests.findings import Finding, Level
from multiflexi.manifests.reports import ImportReport
from multiflexi.manifests.validation import Analysis
from multiflexi.models import Application, CredentialPrototype, CredentialType
from multiflexi.record import audit
from multiflexi.record.actor import Actor


@dataclass
class ImportSession:
    """What is being imported, by whom, and what was asked for."""

    analysis: Analysis
    report: ImportReport
    actor: Actor
    allow_downgrade: bool = False
    enabled: bool | None = None

    def advise(self, path: str, message: str) -> None:
        """Add a warning that is about the installation, not about the file."""
        self.report.warnings.append(Finding(path, message, Level.ADVICE))

    def refuse(self, path: str, message: str) -> None:
        """Add a reason for which the installation does not take the file."""
        self.report.errors.append(Finding(path, message, Level.FATAL))

    def keeps_newer(self, given: str, stored: str) -> bool:
        """Whether the stored version is newer and stays; says so in the report."""
        if self.allow_downgrade or not _is_older(given, stored):
            return False
        self.advise("/version", f"{given} is older than the stored {stored}; nothing was changed (allow a downgrade)")
        return True

    def write_audit(self, action: str, record: Application | CredentialPrototype | CredentialType) -> None:
        """One entry for the whole import, with the digest of the file."""
        changes = {change.path: {"old": change.old, "new": change.new} for change in self.report.changes}
        data = {"origin": self.report.origin, "sha256": self.report.digest}
        audit.write(self.actor, action, record, changes=changes, data=data)


def _is_older(version: str, than: str) -> bool:
    given, stored = _numbers(version), _numbers(than)
    return given is not None and stored is not None and given < stored


def _numbers(version: str) -> list[int] | None:
    """Parts of a version; trailing zeros do not count. None for what cannot be compared."""
    parts = version.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
