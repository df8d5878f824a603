"""How many slots lie between two instants, counted by days instead of by slots."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from multiflexi.scheduling.cron import Cron
from multiflexi.scheduling.skipdays import SkipDays
from multiflexi.scheduling.wallclock import first_instant, wall_at

DAY = timedelta(days=1)
MINUTES_PER_DAY = 1440


def count_between(cron: Cron, after: datetime, before: datetime, zone: ZoneInfo, skip: SkipDays | None = None) -> int:
    """The exact number of occurrences strictly between two aware instants, without those on skipped days.

    The work grows with the days in between (about a microsecond each), not with the occurrences: only days with a
    clock change are walked slot by slot.
    """
    if after >= before:
        return 0
    start, end = wall_at(after, zone), wall_at(before, zone)
    total, day = 0, start.date()
    while day <= end.date():
        if not (skip and day in skip):
            if _has_24_hours(day, zone):
                total += _times_on(cron, day, start, end)
            else:
                total += _walk(cron, day, after, before, zone)
        day += DAY
    return total


def _has_24_hours(day: date, zone: ZoneInfo) -> bool:
    midnight = datetime.combine(day, time(), zone)
    return midnight.utcoffset() == (midnight + DAY).utcoffset()


def _times_on(cron: Cron, day: date, start: datetime, end: datetime) -> int:
    if not cron.on_day(day):
        return 0
    first, last = 0, MINUTES_PER_DAY
    if day == start.date():
        first = start.hour * 60 + start.minute + 1
    if day == end.date():
        last = end.hour * 60 + end.minute + (end.second > 0 or end.microsecond > 0)
    return max(cron.times_before(last) - cron.times_before(first), 0)


def _walk(cron: Cron, day: date, after: datetime, before: datetime, zone: ZoneInfo) -> int:
    # What falls into a gap at midnight happens exactly at the first instant of the day, hence the step before it.
    start = max(after, first_instant(datetime.combine(day, time()), zone) - datetime.resolution)
    end = min(before, first_instant(datetime.combine(day + DAY, time()), zone))
    total, slot = 0, cron.next_after(start, zone)
    while slot and slot < end:
        total, slot = total + 1, cron.next_after(slot, zone)
    return total
