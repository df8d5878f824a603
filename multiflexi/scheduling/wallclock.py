"""From instants to the wall clock of a zone and back, across clock changes.

A *wall* is a naive datetime, an instant is an aware one in UTC.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)


def wall_at(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at an instant; `fold` is 1 in the second pass of a repeated hour.

    Raises ValueError for a naive datetime, which would silently be read in the zone of the process.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone; slots are computed from aware instants only.")
    return instant.astimezone(zone).replace(tzinfo=None)


def instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """All instants at which the clock shows `wall`: none in a spring gap, two in a repeated hour, else one."""
    first, second = _both_readings(wall, zone)
    if first == second:
        return (first,)
    return (first, second) if first < second else ()


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows `wall`; the end of the gap when it never does."""
    first, second = _both_readings(wall, zone)
    return first if first <= second else _change_between(second, first, zone)


def repeated_part(wall: datetime, zone: ZoneInfo) -> timedelta:
    """By how much the clock is set back when `wall` (with its `fold`) lies in a repeated hour, else zero."""
    first, second = _both_readings(wall, zone)
    return max(second - first, timedelta(0))


def _both_readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    utc = wall.replace(tzinfo=UTC, fold=0)
    before = wall.replace(tzinfo=zone, fold=0).utcoffset() or timedelta(0)
    after = wall.replace(tzinfo=zone, fold=1).utcoffset() or timedelta(0)
    return utc - before, utc - after


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the clock change in (low, high], to the second."""
    old = low.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high
