"""How a run may end, and the problems it may meet on the way."""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The codes the manifest declares; 126, 127 and everything from 128 on are left to the platform."""

    SUCCESS = 0
    WARNINGS = 1
    UNREADABLE = 2
    NOTHING_FOUND = 3
    MISCONFIGURED = 4
    NOT_WRITTEN = 5
    OTHER_ACCOUNT = 6
    INTERNAL = 70


class Unreadable(Exception):
    """A file that cannot be trusted as a bank statement; carries the broken rule and what was found."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text


class Misconfigured(Exception):
    """The environment asks for something impossible; one sentence per fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class NotWritten(Exception):
    """A result file could not be written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: `warning` for a check that does not hold, `error` for a file that is not used."""

    severity: str
    file: str
    statement: str
    rule: str
    message: str

    def line(self) -> str:
        """The finding as one printable line; control characters of the statement cannot break or colour it."""
        where = f"{self.file}, statement {self.statement}" if self.statement else self.file
        return printable(f"{self.severity.upper()} {where}, rule {self.rule}: {self.message}")


def printable(text: str) -> str:
    """`text` with everything a terminal could act upon shown as `?`."""
    return "".join(character if character.isprintable() else "?" for character in text)
