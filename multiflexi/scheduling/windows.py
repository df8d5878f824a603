"""Windows of obligation and the deadline inside them."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from multiflexi.scheduling.cadence import Cadence
from multiflexi.scheduling.wallclock import first_instant, instants, wall_at

LONGEST_DAYS = 366

_UNITS = {
    "weeks": ("w", "week", "weeks"),
    "days": ("d", "day", "days"),
    "hours": ("h", "hr", "hrs", "hour", "hours"),
    "minutes": ("m", "min", "mins", "minute", "minutes"),
    "seconds": ("s", "sec", "secs", "second", "seconds"),
}
_UNIT_OF_WORD = {word: unit for unit, words in _UNITS.items() for word in words}
_OFFSET = re.compile(r"\+(?:\s*\d{1,9}\s*[a-z]+)+", re.ASCII)
_PART = re.compile(r"(\d+)\s*([a-z]+)", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


class DeadlineError(ValueError):
    """A deadline rule that cannot be read; says which one and what can."""

    def __init__(self, rule: object, why: str):
        super().__init__(
            f"Deadline {rule!r}: {why}. "
            "Use an offset such as +3h, +1d12h or +90 minutes, a time of day such as 06:30, or leave it empty."
        )


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """Either calendar days and elapsed time after the start of the window, or a time of day."""

    days: int = 0
    elapsed: timedelta = timedelta(0)
    at: time | None = None

    def instant(self, start: datetime, zone: ZoneInfo) -> datetime:
        """The deadline of a window starting at an aware instant, in UTC.

        Days and weeks are calendar ones (the same time of day, also across a clock change); hours, minutes and
        seconds are elapsed time. A time of day in a spring gap means the end of the gap.
        """
        if self.at is not None:
            return _next_time_of_day(self.at, start, zone)
        if not self.days:
            return start + self.elapsed
        return first_instant(wall_at(start, zone) + timedelta(days=self.days), zone) + self.elapsed


@dataclass(frozen=True, slots=True)
class Window:
    """The span [start, end) in which an obligation is to be met."""

    start: datetime
    end: datetime


def window(cadence: Cadence, slot: datetime) -> Window:
    """The window that a slot opens: from the slot to the next one, in real calendar terms."""
    return Window(slot, cadence.window_end(slot))


@lru_cache(maxsize=1024)
def parse_deadline(rule: str) -> DeadlineRule:
    """A deadline rule: `+1d12h`, `+90min`, `+3 hours`, `+1 day` or `HH:MM`.

    Raises DeadlineError, also for an offset of zero or above 366 days.
    """
    text = rule.strip().lower() if isinstance(rule, str) else ""
    if found := _CLOCK.fullmatch(text):
        return DeadlineRule(at=time(int(found[1]), int(found[2])))
    if not _OFFSET.fullmatch(text):
        raise DeadlineError(rule, "it is neither an offset nor a time of day")
    amounts: dict[str, int] = {}
    for amount, word in _PART.findall(text):
        unit = _UNIT_OF_WORD.get(word)
        if unit is None:
            raise DeadlineError(rule, f"{word!r} is not a unit of time")
        if unit in amounts:
            raise DeadlineError(rule, f"the {unit} are given twice")
        amounts[unit] = int(amount)
    days = 7 * amounts.pop("weeks", 0) + amounts.pop("days", 0)
    elapsed = timedelta(**amounts)
    if not days and not elapsed:
        raise DeadlineError(rule, "it would be over when the window starts")
    if days > LONGEST_DAYS or timedelta(days=days) + elapsed > timedelta(days=LONGEST_DAYS):
        raise DeadlineError(rule, f"it is longer than {LONGEST_DAYS} days")
    return DeadlineRule(days=days, elapsed=elapsed)


def deadline(rule: str | None, start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """When the result of the window [start, end) is needed by: the rule, without one the end of the window.

    Raises DeadlineError.
    """
    return parse_deadline(rule).instant(start, zone) if rule else end


def _next_time_of_day(at: time, start: datetime, zone: ZoneInfo) -> datetime:
    day = wall_at(start, zone).date()
    while True:
        wall = datetime.combine(day, at)
        for then in instants(wall, zone) or (first_instant(wall, zone),):
            if then > start:
                return then
        day += timedelta(days=1)
