"""What applying a file did, or would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Diff = dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """One object that is different: `diff` gives old and new value by field, secrets masked."""

    object: str
    name: str
    action: str
    diff: Diff


@dataclass
class Outcome:
    """All changes in the order in which they were made, how many objects were left as they are, and what is open."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    warnings: list[str] = field(default_factory=list)

    def note(self, object: str, name: str, action: str, diff: Diff) -> None:
        self.changes.append(Change(object, name, action, diff))
