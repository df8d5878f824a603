"""Cron expressions on the wall clock of a zone, with the rules of Debian's cron at clock changes.

Dates and times come from `cronsim` running on the bare wall clock; the clock changes are dealt with here, because
cronsim loses slots where the clock moves by half an hour and steps back in time inside a repeated hour.
"""

from bisect import bisect_left
from collections.abc import Iterator
from copy import copy
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from multiflexi.scheduling import syntax
from multiflexi.scheduling.syntax import CronError
from multiflexi.scheduling.wallclock import first_instant, instants, repeated_part, wall_at

__all__ = ["Cron", "CronError", "describe", "parse"]

SECOND = timedelta(seconds=1)
_ANY_DAY = datetime(2000, 1, 1)
_YEARS_TO_LOOK = 50


class _Calendar(CronSim):
    """cronsim with nW, the weekday nearest to a day within its month."""

    nearest: frozenset[int] = frozenset()

    def match_dom(self, d: date) -> bool:
        return super().match_dom(d) or bool(self.nearest and any(_nearest_weekday(d, n) == d.day for n in self.nearest))


class Cron:
    """A parsed expression. Immutable but for its memory of the last answer per zone; safe between threads.

    An expression whose minute or hour starts with `*` follows real time: nothing in a spring gap, both passes of a
    repeated hour. Any other one has fixed hours: what falls into a gap happens at its end, what falls into a repeated
    hour happens in the first pass (crontab of Debian, cron(8), "daylight saving time and other time changes").
    """

    def __init__(self, expression: str):
        fields = syntax.read(expression)
        self.expression = expression
        self.text = str(fields)
        self.follows_real_time = fields.minute.startswith("*") or fields.hour.startswith("*")
        self._calendar = _calendar(expression, fields)
        self._minutes = sorted(self._calendar.minutes)
        self._hours = sorted(self._calendar.hours)
        self._latest: dict[ZoneInfo, tuple[datetime, datetime]] = {}

    def __repr__(self) -> str:
        return f"Cron({self.expression!r})"

    def next_after(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """The first occurrence strictly after an aware instant, in UTC; None when 50 years have none."""
        known = self._latest.get(zone)
        if known and known[0] <= instant < known[1]:
            return known[1]
        found = self._next_real(instant, zone) if self.follows_real_time else self._next_fixed(instant, zone)
        if found:
            # Nothing lies between the two, so every question in between has the same answer.
            self._latest[zone] = (instant, found)
        return found

    def last_before(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """The last occurrence strictly before an aware instant, in UTC; None when 50 years have none."""
        if self.follows_real_time:
            return self._last_real(instant, zone)
        wall = wall_at(instant, zone)
        for earlier in self._walls_before(wall + repeated_part(wall, zone)):
            happened = first_instant(earlier, zone)
            if happened < instant:
                return happened
        return None

    def on_day(self, day: date) -> bool:
        """Whether the calendar day has occurrences."""
        return day.month in self._calendar.months and self._calendar.match_day(day)

    @property
    def times_per_day(self) -> int:
        """Occurrences of a matching day without a clock change."""
        return len(self._hours) * len(self._minutes)

    def times_before(self, minute_of_day: int) -> int:
        """How many of them lie before a minute of the day (0–1440)."""
        hour, minute = divmod(minute_of_day, 60)
        place = bisect_left(self._hours, hour)
        in_this_hour = bisect_left(self._minutes, minute) if hour in self._calendar.hours else 0
        return place * len(self._minutes) + in_this_hour

    def _next_fixed(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        for wall in self._walls_after(wall_at(instant, zone)):
            happens = first_instant(wall, zone)
            if happens > instant:
                return happens
        return None

    def _next_real(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        now = wall_at(instant, zone)
        upcoming = (then for wall in self._walls_after(now) for then in instants(wall, zone) if then > instant)
        found = next(upcoming, None)
        if not now.fold and (back := repeated_part(now, zone)):
            # The clock will be set back past `now`, so earlier readings of the wall are still to come.
            shown_again = takewhile(lambda wall: wall <= now, self._walls_after(now - back))
            second_pass = next((both[1] for wall in shown_again if len(both := instants(wall, zone)) > 1), None)
            found = min(found, second_pass) if found and second_pass else found or second_pass
        return found

    def _last_real(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        now = wall_at(instant, zone)
        past = (then for wall in self._walls_before(now) for then in reversed(instants(wall, zone)) if then < instant)
        found = next(past, None)
        if now.fold and (back := repeated_part(now, zone)):
            # The clock was set back past `now`, so later readings of the wall have already been.
            shown_before = takewhile(lambda wall: wall >= now, self._walls_before(now + back))
            first_pass = next((both[0] for wall in shown_before if len(both := instants(wall, zone)) > 1), None)
            found = max(found, first_pass) if found and first_pass else found or first_pass
        return found

    def _walls_after(self, wall: datetime) -> Iterator[datetime]:
        return self._walk(wall.replace(microsecond=0, fold=0), 1)

    def _walls_before(self, wall: datetime) -> Iterator[datetime]:
        whole = wall.replace(microsecond=0, fold=0)
        return self._walk(whole + SECOND if wall.microsecond else whole, -1)

    def _walk(self, wall: datetime, direction: int) -> Iterator[datetime]:
        calendar = copy(self._calendar)
        calendar.dt, calendar.tick_direction = wall, direction
        for found in calendar:
            # cronsim gives up per step only; an entry that always falls into the gap would walk for ever.
            if abs(found.year - wall.year) > _YEARS_TO_LOOK:
                return
            yield found


@lru_cache(maxsize=8192)
def parse(expression: str) -> Cron:
    """The cron rule of an expression: five fields or a macro.

    Raises CronError, also for dates that never come. Equal texts give the same object.
    """
    return Cron(expression)


def describe(expression: str, language: str) -> str:
    """What an expression means, in words of a language ("en", "cs"; others get English). Raises CronError."""
    # The library and its catalogues are loaded only by those who show a schedule to a person.
    from multiflexi.scheduling.wording import words_for

    return words_for(parse(expression).text, language)


def _calendar(expression: str, fields: syntax.Fields) -> _Calendar:
    never = CronError(
        expression,
        "no calendar has such a day, so it would never be due",
        "Choose a day that the month has, or L for its last day",
    )
    days = fields.day_without_nearest
    # cronsim cannot read nW and needs some day in its place, which is taken out again.
    readable = f"{fields.minute} {fields.hour} {days or '1'} {fields.month} {fields.weekday}"
    try:
        calendar = _Calendar(readable, _ANY_DAY)
    except CronSimError:
        raise never from None
    if not days:
        calendar.days = set()
    calendar.nearest = fields.nearest
    if next(copy(calendar), None) is None:
        raise never
    return calendar


def _nearest_weekday(day: date, number: int) -> int | None:
    last = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    if number > last:
        return None
    weekday = day.replace(day=number).weekday()
    if weekday == 5:
        return number - 1 if number > 1 else 3
    if weekday == 6:
        return number + 1 if number < last else number - 2
    return number
