import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.scheduling.cadence import Cadence
from multiflexi.scheduling.cron import CronError
from multiflexi.scheduling.intervals import IntervalError
from multiflexi.scheduling.skipdays import SkipDaysError

PRAGUE, SANTIAGO = ZoneInfo("Europe/Prague"), ZoneInfo("America/Santiago")


def at(text: str, zone: ZoneInfo = PRAGUE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("i", "2026-06-17 12:01"),
        ("h", "2026-06-17 13:00"),
        ("d", "2026-06-18 00:00"),
        ("w", "2026-06-22 00:00"),
        ("m", "2026-07-01 00:00"),
        ("y", "2027-01-01 00:00"),
    ],
)
def test_first_slot_of_each_interval_on_the_local_wall_clock(code, expected):
    assert Cadence(code, None, PRAGUE).next_slot(at("2026-06-17 12:00")) == at(expected)


def test_the_next_slot_is_strictly_later():
    cadence = Cadence("h", None, PRAGUE)
    assert cadence.next_slot(at("2026-06-17 12:00")) == at("2026-06-17 13:00")
    assert cadence.next_slot(at("2026-06-17 12:00") - timedelta(microseconds=1)) == at("2026-06-17 12:00")


def test_daily_where_midnight_does_not_exist():
    cadence = Cadence("d", None, SANTIAGO)
    slot = cadence.next_slot(at("2026-09-05 12:00", SANTIAGO))
    assert slot == at("2026-09-06 01:00", SANTIAGO)
    assert cadence.window_end(slot) == at("2026-09-07 00:00", SANTIAGO)
    assert cadence.window_end(slot) - slot == timedelta(hours=23)


def test_disabled_has_no_slots():
    cadence = Cadence("n", "* * * * *", PRAGUE)
    assert cadence.next_slot(at("2026-06-17")) is None
    assert cadence.due_slots(at("2026-06-17"), at("2026-06-18"), 5).slots == ()
    with pytest.raises(ValueError, match="no slots"):
        cadence.window_end(at("2026-06-17"))


def test_poison_is_refused_when_the_cadence_is_made():
    with pytest.raises(CronError):
        Cadence("c", None, PRAGUE)
    with pytest.raises(CronError):
        Cadence("c", "0 0 31 2 *", PRAGUE)
    with pytest.raises(IntervalError):
        Cadence("q", None, PRAGUE)


def test_validity_is_inclusive_at_both_ends():
    cadence = Cadence("d", None, PRAGUE, at("2026-06-20"), at("2026-06-22"))
    slots, slot = [], at("2026-01-01")
    while slot := cadence.next_slot(slot):
        slots.append(slot)
    assert slots == [at("2026-06-20"), at("2026-06-21"), at("2026-06-22")]
    assert cadence.window_end(slots[-1]) == at("2026-06-23")


def test_skipped_days_are_calendar_days_of_the_zone():
    cadence = Cadence("d", None, PRAGUE, skip_days=["weekend", "12-24", "2026-12-28"])
    slots = [at("2026-12-22 12:00")]
    for _ in range(4):
        slots.append(cadence.next_slot(slots[-1]))
    assert slots[1:] == [at("2026-12-23"), at("2026-12-25"), at("2026-12-29"), at("2026-12-30")]
    assert cadence.window_end(at("2026-12-25")) == at("2026-12-29")


def test_a_cadence_that_only_knows_skipped_days_ends():
    assert Cadence("c", "* * * * 6", PRAGUE, skip_days=["weekend"]).next_slot(at("2026-06-17")) is None


def test_minutes_of_a_skipped_day_are_not_walked():
    cadence = Cadence("i", None, PRAGUE, skip_days=["weekend"])
    assert cadence.next_slot(at("2026-06-19 23:59")) == at("2026-06-22 00:00")


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        (["weekend", "sunday"], "'sunday'"),
        (["2026-02-30"], "'2026-02-30'"),
        (["02-30"], "'02-30'"),
        ("weekend", "'weekend'"),
        ([7], "[7]"),
    ],
)
def test_a_wrong_skipped_day_is_refused(entries, named):
    with pytest.raises(SkipDaysError, match=f"Skipped day {re.escape(named)}"):
        Cadence("d", None, PRAGUE, skip_days=entries)


def test_one_due_slot():
    due = Cadence("d", None, PRAGUE).due_slots(at("2026-06-17"), at("2026-06-17 00:00:05"), 10)
    assert due.slots == (at("2026-06-17"),)
    assert due.skipped_older == 0


def test_nothing_is_due_before_the_first_slot():
    assert Cadence("d", None, PRAGUE).due_slots(at("2026-06-17"), at("2026-06-16 23:59:59"), 10).slots == ()


def test_a_year_of_minutes_gives_the_newest_and_the_exact_number_of_the_others():
    first, now = at("2025-06-17"), at("2026-06-17")
    due = Cadence("i", None, PRAGUE).due_slots(first, now, 3)
    assert due.slots == (now - timedelta(minutes=2), now - timedelta(minutes=1), now)
    assert due.skipped_older == 365 * 1440 + 1 - 3


def test_slots_of_skipped_days_are_not_counted():
    cadence = Cadence("i", None, PRAGUE, skip_days=["weekend"])
    due = cadence.due_slots(at("2026-03-23"), at("2026-04-06 00:01"), 1)
    assert due.skipped_older == 10 * 1440 + 1


def test_slots_before_and_after_the_validity_are_not_due():
    cadence = Cadence("h", None, PRAGUE, at("2026-06-17 10:00"), at("2026-06-17 13:30"))
    few = cadence.due_slots(at("2026-06-17 08:00"), at("2026-06-17 20:00"), 2)
    assert (few.slots, few.skipped_older) == ((at("2026-06-17 12:00"), at("2026-06-17 13:00")), 2)
    every = cadence.due_slots(at("2026-06-17 08:00"), at("2026-06-17 20:00"), 9)
    assert (len(every.slots), every.slots[0], every.skipped_older) == (4, at("2026-06-17 10:00"), 0)


def test_a_promised_slot_is_due_though_the_rule_has_changed():
    due = Cadence("d", None, PRAGUE).due_slots(at("2026-06-17 09:00"), at("2026-06-18 09:00"), 10)
    assert due.slots == (at("2026-06-17 09:00"), at("2026-06-18"))


def test_a_promised_slot_on_a_skipped_day_is_not_due():
    cadence = Cadence("h", None, PRAGUE, skip_days=["2026-06-17"])
    assert cadence.due_slots(at("2026-06-17 09:00"), at("2026-06-17 09:10"), 10).slots == ()


def test_the_limit_has_to_leave_room_for_a_slot():
    with pytest.raises(ValueError, match="At least one"):
        Cadence("d", None, PRAGUE).due_slots(at("2026-06-17"), at("2026-06-18"), 0)


def test_cadences_are_equal_when_their_slots_are():
    assert Cadence("i", None, PRAGUE, skip_days=["weekend"]) == Cadence("c", "* * * * *", PRAGUE, skip_days=["weekend"])
    assert Cadence("i", None, PRAGUE) != Cadence("i", None, SANTIAGO)


cadences = st.builds(
    Cadence,
    interval=st.sampled_from(["c", "c", "c", "i", "h", "d", "w"]),
    cron=st.sampled_from(
        [
            *("*/7 * * * *", "30 2 * * *", "0,30 0-3 * * *", "*/20 2 * * *", "15 1-23/2 * * MON-FRI", "0 6 1W,L * *"),
            *("59 23 * * *", "0 0 * * *", "* 2 * * SUN", "1-59/13 */5 */2 * *"),
        ]
    ),
    zone=st.sampled_from([PRAGUE, SANTIAGO, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Havana")]),
    valid_from=st.none()
    | st.integers(-3000, 3000).map(lambda k: datetime(2026, 4, 1, tzinfo=UTC) + timedelta(hours=k)),
    valid_to=st.none() | st.integers(-3000, 9000).map(lambda k: datetime(2026, 4, 1, tzinfo=UTC) + timedelta(hours=k)),
    skip_days=st.none() | st.sampled_from([["weekend"], ["2026-03-29", "10-25"], ["weekend", "04-05", "11-01"]]),
)
starts = st.sampled_from(
    [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC), datetime(2026, 9, 6, tzinfo=UTC),
     datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 10, 3, 15, tzinfo=UTC)]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(cadences, starts, st.integers(-3000, 1500), st.integers(0, 6000), st.integers(0, 59), st.integers(1, 40))
def test_due_slots_are_those_that_next_slot_walks_through(cadence, start, offset, minutes, second, limit):
    first = cadence.next_slot(start + timedelta(minutes=offset))
    if first is None:
        return
    now = first + timedelta(minutes=minutes, seconds=second)
    walked, slot = [], first
    while slot and slot <= now:
        walked.append(slot)
        slot = cadence.next_slot(slot)
    due = cadence.due_slots(first, now, limit)
    assert list(due.slots) == walked[-limit:]
    assert due.skipped_older == len(walked) - len(due.slots)
    assert all(earlier < later for earlier, later in pairwise(walked))
