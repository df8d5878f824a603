"""One figure beside its target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`target` is the highest good value."""

    what: str
    value: float
    unit: str
    target: float

    @property
    def verdict(self) -> str:
        return "reached" if self.value <= self.target else "MISSED"
