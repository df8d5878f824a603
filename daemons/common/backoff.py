"""Pauses between tries that may go on for ever."""

from __future__ import annotations

import math
import random

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
REACHABLE_SECONDS = 1.0
PERMANENT_SECONDS = 60.0


class Backoff:
    """Doubling pauses with jitter. Own class instead of tenacity, whose sleep cannot end on a signal."""

    def __init__(self, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self._first = first
        self._longest = longest
        self._tries = 0

    def next(self, longest: float = math.inf) -> float:
        """Seconds until the next try: half to full of 0.5, 1, 2, … at most 30, or less when asked for."""
        ceiling = min(longest, self._longest, self._first * 2 ** min(self._tries, 30))
        self._tries += 1
        # Jitter keeps a hundred daemons from coming back in the same instant.
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads load, guards nothing

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._tries = 0
