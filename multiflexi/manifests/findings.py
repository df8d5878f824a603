"""What can be said about a definition file, and how much it weighs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Weight of a finding, from a piece of advice to a reason for refusing the file under all circumstances."""

    ADVICE = 1  # Said; refuses nothing.
    DEVIATION = 2  # Satisfies the schema, yet a strict import refuses it.
    VIOLATION = 3  # Breaks the schema; a lenient import normalises it.
    FATAL = 4  # Nobody can tell what is meant.


@dataclass(frozen=True)
class Finding:
    """One remark on a file: where (JSON Pointer), which rule, how grave."""

    path: str
    message: str
    level: Level = Level.DEVIATION

    @property
    def severity(self) -> str:
        """`error` where validation fails, else `warning`."""
        return "error" if self.level >= Level.VIOLATION else "warning"

    @property
    def sentence(self) -> str:
        """Path and message in one line; the root of a file has no path to show."""
        return f"{self.path}: {self.message}" if self.path else self.message

    def as_dict(self) -> dict[str, str]:
        """The form of a finding in JSON output."""
        return {"path": self.path, "message": self.message, "severity": self.severity}


class Unreadable(ValueError):
    """The bytes are no acceptable JSON object; `findings` says where and why."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.sentence for finding in findings))
        self.findings = findings


def pointer(*steps: object) -> str:
    """JSON Pointer (RFC 6901) of the place reached by these keys and indexes."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per place: messages joined, the gravest level kept, in the order of first mention."""
    places: dict[str, Finding] = {}
    for finding in findings:
        known = places.get(finding.path)
        if known is None:
            places[finding.path] = finding
        elif finding.message not in known.message:
            message = f"{known.message}; {finding.message}"
            places[finding.path] = Finding(finding.path, message, max(known.level, finding.level))
    return list(places.values())
