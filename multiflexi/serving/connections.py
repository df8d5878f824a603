"""Kept database connections are looked at now and then, not before each request: a look is a round trip."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db import connections

LOOKED_AT_EVERY_SECONDS = 1.0


def spare_checks(**_signal: Any) -> None:
    """At the start of a request, after Django asked for a check of each connection: drop those just made.

    A connection that has failed meanwhile is closed by Django all the same, whatever was checked before.
    """
    now = time.monotonic()
    opened: Sequence[Any] = connections.all(initialized_only=True)
    for connection in opened:
        if now - getattr(connection, "looked_at", 0.0) < LOOKED_AT_EVERY_SECONDS:
            connection.health_check_done = True
        else:
            connection.looked_at = now
