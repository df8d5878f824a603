"""What may be chosen on the command line of a measurement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`database` is one of `databases.KINDS`; without `only` all parts of a measurement run, else the named ones."""

    database: str = "pgsql"
    quick: bool = False
    jobs: int | None = None
    rounds: int | None = None
    only: frozenset[str] = frozenset()

    def wants(self, part: str) -> bool:
        return not self.only or part in self.only

    def size(self, whole: int, quick: int) -> int:
        """How many things are measured: what was asked for, else a number that fits the time."""
        return self.jobs or (quick if self.quick else whole)

    def repeats(self, whole: int) -> int:
        return self.rounds or (1 if self.quick else whole)
