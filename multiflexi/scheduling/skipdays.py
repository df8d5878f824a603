"""Days on which a run template has no slots."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

WEEKEND = "weekend"
_YEARLY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
_LEAP_YEAR = 2000


class SkipDaysError(ValueError):
    """An entry of the skipped days that is no day."""

    def __init__(self, given: object):
        super().__init__(
            f"Skipped day {given!r} is not understood. "
            f'Use a list of "{WEEKEND}", dates such as "2026-12-24" and yearly days such as "12-24".'
        )


@dataclass(frozen=True, slots=True)
class SkipDays:
    """Calendar days of the run template's zone that are left out."""

    weekend: bool
    dates: frozenset[date]
    yearly: frozenset[tuple[int, int]]

    def __contains__(self, day: date) -> bool:
        return (self.weekend and day.weekday() >= 5) or day in self.dates or (day.month, day.day) in self.yearly


def parse_skip_days(entries: Iterable[str] | None) -> SkipDays | None:
    """The days of a stored list: "weekend", "YYYY-MM-DD", "MM-DD"; None when nothing is skipped.

    Raises SkipDaysError.
    """
    if not entries:
        return None
    if isinstance(entries, str) or not all(isinstance(entry, str) for entry in entries):
        raise SkipDaysError(entries)
    weekend, dates, yearly = False, set(), set()
    for entry in entries:
        try:
            if entry == WEEKEND:
                weekend = True
            elif found := _YEARLY.fullmatch(entry):
                yearly.add((date(_LEAP_YEAR, int(found[1]), int(found[2])).month, int(found[2])))
            else:
                dates.add(date.fromisoformat(entry))
        except ValueError:
            raise SkipDaysError(entry) from None
    return SkipDays(weekend, frozenset(dates), frozenset(yearly))
