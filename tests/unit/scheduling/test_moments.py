"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from multiflexi.scheduling.moments import parse

PRAGUE = ZoneInfo("Europe/Prague")
NOW = datetime(2026, 3, 28, 10, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-28 10:00:30"),
        ("2026-07-01 12:00", "2026-07-01 10:00:00"),
        ("2026-07-01 12:00:05", "2026-07-01 10:00:05"),
        ("2026-01-01T12:00:00Z", "2026-01-01 12:00:00"),
        ("2026-01-01T12:00:00+05:00", "2026-01-01 07:00:00"),
        ("2026-01-01", "2025-12-31 23:00:00"),
        ("today", "2026-03-27 23:00:00"),
        ("tomorrow", "2026-03-28 23:00:00"),
        ("Tomorrow 08:00", "2026-03-29 06:00:00"),
        ("yesterday", "2026-03-26 23:00:00"),
        ("+2 hours", "2026-03-28 12:00:30"),
        ("-90 min", "2026-03-28 08:30:30"),
        ("2 days ago", "2026-03-26 10:00:30"),
        # One wall-clock day across the spring change is 23 hours long.
        ("+1 day", "2026-03-29 09:00:30"),
        ("1 week", "2026-04-04 09:00:30"),
    ],
)
def test_meaning(text: str, expected: str) -> None:
    assert f"{parse(text, zone=PRAGUE, now=NOW):%Y-%m-%d %H:%M:%S}" == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "tomorrow 25:00", "+2 moons", "2026-13-01", "+99999999999 days"])
def test_nonsense_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY-MM-DD HH:MM"):
        parse(text, zone=PRAGUE, now=NOW)
