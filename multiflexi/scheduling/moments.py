"""Times as people and scripts write them: dates, ISO 8601 and a few relative words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

DAY_WORDS = {"today": 0, "midnight": 0, "tomorrow": 1, "yesterday": -1}
UNITS = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600}
DAY_UNITS = {"day": 1, "week": 7}
RELATIVE = re.compile(r"([+-]?)\s*(\d+)\s*([a-z]+?)s?(\s+ago)?", re.IGNORECASE)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def parse(text: str, *, zone: tzinfo, now: datetime | None = None) -> datetime:
    """The instant meant by `text`, in UTC; without a zone of its own it is read in `zone`.

    Days and weeks are counted on the wall clock. Raises ValueError with the accepted forms.
    """
    current = (now or datetime.now(UTC)).astimezone(zone)
    word = text.strip().lower()
    if word == "now":
        return current.astimezone(UTC)
    found = _named_day(word, current) or _relative(word, current) or _absolute(text.strip(), zone)
    if found is None:
        raise ValueError(
            f'"{text}" is no time; write now, YYYY-MM-DD HH:MM[:SS], ISO 8601, today, tomorrow, +2 hours or -1 day.'
        )
    return found.astimezone(UTC)


def _named_day(word: str, current: datetime) -> datetime | None:
    name, _, clock = word.partition(" ")
    if name not in DAY_WORDS:
        return None
    midnight = current.replace(hour=0, minute=0, second=0, microsecond=0)
    day = midnight + timedelta(days=DAY_WORDS[name])
    if not clock:
        return day
    found = CLOCK.fullmatch(clock.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        return None
    return day.replace(hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0))


def _relative(word: str, current: datetime) -> datetime | None:
    found = RELATIVE.fullmatch(word)
    if not found:
        return None
    sign, amount, unit, ago = found.groups()
    count = -int(amount) if (sign == "-") != bool(ago) else int(amount)
    try:
        if unit in UNITS:
            return current.astimezone(UTC) + timedelta(seconds=count * UNITS[unit])
        if unit in DAY_UNITS:
            return current + timedelta(days=count * DAY_UNITS[unit])
    except OverflowError:
        return None
    return None


def _absolute(text: str, zone: tzinfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)
