"""Figures, targets and checks of one measurement, as one JSON document."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BEGUN = time.monotonic()


def say(text: str) -> None:
    """Tell on standard error how far it is; standard output is for the document alone."""
    print(f"[{time.monotonic() - BEGUN:6.1f} s] {text}", file=sys.stderr, flush=True)


@dataclass
class Report:
    """What one measurement found; a missed target is told, a failed check makes the run a failure."""

    figures: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def at_least(self, what: str, value: float | None, bound: float) -> None:
        self._target(what, value, "at_least", bound, value is not None and value >= bound)

    def at_most(self, what: str, value: float | None, bound: float) -> None:
        self._target(what, value, "at_most", bound, value is not None and value <= bound)

    def _target(self, what: str, value: float | None, kind: str, bound: float, reached: bool) -> None:
        verdict = "not measured" if value is None else "reached" if reached else "missed"
        self.targets.append({"what": what, "value": rounded(value), kind: bound, "verdict": verdict})
        say(f"{what}: {rounded(value)} ({kind.replace('_', ' ')} {bound:g}: {verdict})")

    def check(self, what: str, found: Any, expected: Any = True) -> None:
        """Note whether what was found is right."""
        passed = found == expected
        self.checks.append({"what": what, "passed": passed} | ({} if passed else _difference(found, expected)))
        if not passed:
            say(f"WRONG: {what}: {_short(found)} instead of {_short(expected)}")

    @property
    def is_correct(self) -> bool:
        return all(check["passed"] for check in self.checks)

    def document(self) -> dict[str, Any]:
        return {
            "figures": self.figures,
            "targets": self.targets,
            "checks": self.checks,
            "correct": self.is_correct,
            "notes": self.notes,
        }


def _difference(found: Any, expected: Any) -> dict[str, str]:
    return {"found": _short(found), "expected": _short(expected)}


def _short(value: Any) -> str:
    return repr(value)[:300]


def rounded(value: float | None) -> float | None:
    """Four significant digits, which is more than any of these figures deserves."""
    if value is None or value == 0 or not math.isfinite(value):
        return value
    return round(value, max(0, 3 - math.floor(math.log10(abs(value)))))


def ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Median, 95th percentile, extremes and number of the values."""
    ordered = sorted(values)
    return {
        "median": rounded(statistics.median(ordered)),
        "p95": rounded(percentile(ordered, 95)),
        "min": rounded(ordered[0]),
        "max": rounded(ordered[-1]),
        "n": len(ordered),
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
