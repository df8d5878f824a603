"""Collecting findings while a document is being normalised."""

from __future__ import annotations

from multiflexi.manifests.findings import Finding, Level, pointer

_LIMIT = "has {} characters; at most {} are kept"


class Notes:
    """Findings in the order in which they were made."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def advise(self, message: str, *steps: object) -> None:
        """Something to know that refuses nothing."""
        self._add(Level.ADVICE, message, steps)

    def deviates(self, message: str, *steps: object) -> None:
        """Something that was normalised; a strict import refuses it."""
        self._add(Level.DEVIATION, message, steps)

    def refuse(self, message: str, *steps: object) -> None:
        """Something that no import accepts."""
        self._add(Level.FATAL, message, steps)

    def limit(self, text: str, most: int, *steps: object) -> str:
        """The text, refused when it is longer than the platform can keep."""
        if len(text) > most:
            self.refuse(_LIMIT.format(len(text), most), *steps)
        return text

    def _add(self, level: Level, message: str, steps: tuple[object, ...]) -> None:
        self.findings.append(Finding(pointer(*steps), message, level))
