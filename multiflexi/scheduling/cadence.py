"""The cadence of a run template: which slots it has, and which of them are due."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from multiflexi.scheduling.cron import Cron, parse
from multiflexi.scheduling.intervals import cron_of
from multiflexi.scheduling.skipdays import SkipDays, parse_skip_days
from multiflexi.scheduling.tally import count_between
from multiflexi.scheduling.wallclock import first_instant

MOST_SKIPPED_DAYS = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """The due slots, ascending, and how many older ones were left out by the limit."""

    slots: tuple[datetime, ...]
    skipped_older: int


@dataclass(frozen=True, slots=True)
class Cadence:
    """Slots of one run template: interval code, custom expression, zone, validity and skipped days.

    Slots are aware instants in UTC. `valid_from` and `valid_to` are inclusive; `skip_days` is the stored list
    (`skipdays.parse_skip_days`) and means calendar days of the zone. Cadences are equal when their slots are.
    Raises IntervalError, CronError, SkipDaysError.
    """

    interval: str = field(compare=False)
    cron: str | None = field(compare=False)
    zone: ZoneInfo
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    skip_days: Iterable[str] | None = field(default=None, compare=False)
    rule: Cron | None = field(init=False, repr=False)
    skip: SkipDays | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        expression = cron_of(self.interval, self.cron)
        object.__setattr__(self, "rule", None if expression is None else parse(expression))
        object.__setattr__(self, "skip", parse_skip_days(self.skip_days))

    def next_slot(self, after: datetime) -> datetime | None:
        """The first slot strictly after an instant; None when there is none any more.

        A cadence whose next 1,000 days with occurrences are all skipped counts as having no further slot.
        """
        if self.rule is None:
            return None
        if self.valid_from and after < self.valid_from:
            after = self.valid_from - datetime.resolution
        slot = self.rule.next_after(after, self.zone)
        if self.skip is not None:
            slot = self._first_not_skipped(slot, self.rule, self.skip)
        return None if slot and self.valid_to and slot > self.valid_to else slot

    def window_end(self, slot: datetime) -> datetime:
        """The end of the window that a slot opens: the next slot; behind the last one the next bare occurrence.

        Raises ValueError for a cadence without slots.
        """
        end = self.next_slot(slot)
        if end is None and self.rule is not None:
            end = self.rule.next_after(slot, self.zone)
        if end is None:
            raise ValueError(f"Interval {self.interval!r} has no slots, so {slot} opens no window.")
        return end

    def due_slots(self, first: datetime, now: datetime, limit: int) -> Due:
        """The newest `limit` slots from `first` (the stored next slot) to `now`, both included.

        `first` itself is due even where the rule would no longer give it, for example after a change of the
        time-zone data: it was promised. Raises ValueError for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"At least one due slot has to be asked for, not {limit}.")
        if self.rule is None or first > now:
            return Due((), 0)
        following = self.next_slot(first)
        if following is None or following > now:
            return Due((first,) if self.allows(first) else (), 0)
        return _backlog(self, first, now, limit)

    def slots_back(self, latest: datetime, floor: datetime) -> Iterator[datetime]:
        """Slots from `latest` (included) back to `floor` (excluded), newest first."""
        before = (min(latest, self.valid_to) if self.valid_to else latest) + datetime.resolution
        while self.rule and (slot := self.rule.last_before(before, self.zone)) and slot > floor:
            if self.valid_from and slot < self.valid_from:
                return
            before = slot
            if self._is_skipped(slot):
                before = self._start_of(slot.astimezone(self.zone).date())
            else:
                yield slot

    def count_between(self, after: datetime, slot: datetime) -> int:
        """The exact number of slots strictly between an instant and a slot."""
        if self.rule is None:
            return 0
        if self.valid_from and after < self.valid_from:
            after = self.valid_from - datetime.resolution
        return count_between(self.rule, after, slot, self.zone, self.skip)

    def allows(self, slot: datetime) -> bool:
        """Whether validity and skipped days leave room for a slot at this instant."""
        too_early = self.valid_from is not None and slot < self.valid_from
        too_late = self.valid_to is not None and slot > self.valid_to
        return not (too_early or too_late or self._is_skipped(slot))

    def _is_skipped(self, slot: datetime) -> bool:
        return self.skip is not None and slot.astimezone(self.zone).date() in self.skip

    def _first_not_skipped(self, slot: datetime | None, rule: Cron, skip: SkipDays) -> datetime | None:
        for _ in range(MOST_SKIPPED_DAYS):
            if slot is None or (self.valid_to and slot > self.valid_to):
                return None
            day = slot.astimezone(self.zone).date()
            if day not in skip:
                return slot
            slot = rule.next_after(self._start_of(day + timedelta(days=1)) - datetime.resolution, self.zone)
        return None

    def _start_of(self, day: date) -> datetime:
        return first_instant(datetime.combine(day, time()), self.zone)


@lru_cache(maxsize=32)
def _backlog(cadence: Cadence, first: datetime, now: datetime, limit: int) -> Due:
    """Several due slots. After an outage a thousand run templates ask this with the same arguments."""
    promised = (first,) if cadence.allows(first) else ()
    newest = tuple(islice(cadence.slots_back(now, first), limit))[::-1]
    if len(newest) < limit:
        return Due(promised + newest, 0)
    return Due(newest, cadence.count_between(first, newest[0]) + len(promised))
