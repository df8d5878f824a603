"""Points at which a test may interrupt a process of the platform.

Nothing here can be switched on from outside: a hook is installed by the code of a test's own entry point, and without
one a point is a comparison with None.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """A moment in the life of a job, in the order in which an executor comes past them."""

    CLAIMED = "claimed"
    START_UNCOMMITTED = "start_uncommitted"
    START_COMMITTED = "start_committed"
    SPAWNED = "spawned"
    LINES_UNCOMMITTED = "lines_uncommitted"
    LINES_COMMITTED = "lines_committed"
    ENDED = "ended"
    STAGED = "staged"
    GATHERED = "gathered"
    ARTIFACTS_SAVED = "artifacts_saved"
    END_UNCOMMITTED = "end_uncommitted"
    END_COMMITTED = "end_committed"
    CLEANED_HALF = "cleaned_half"
    ADOPTED = "adopted"


_hook: Callable[[Point], None] | None = None


def reach(point: Point) -> None:
    """Tell that a point is reached; does nothing outside of tests."""
    if _hook is not None:
        _hook(point)


def install(hook: Callable[[Point], None]) -> None:
    """Call the hook at every point from now on; for the entry points of tests only."""
    global _hook  # noqa: PLW0603
    _hook = hook
