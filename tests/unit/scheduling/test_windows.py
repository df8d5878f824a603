from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiflexi.scheduling.cadence import Cadence
from multiflexi.scheduling.windows import DeadlineError, Window, deadline, parse_deadline, window

PRAGUE = ZoneInfo("Europe/Prague")
SANTIAGO = ZoneInfo("America/Santiago")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


START, END = instant("2026-06-17T06:00+02:00"), instant("2026-06-18T06:00+02:00")


@pytest.mark.parametrize(
    ("rule", "elapsed"),
    [
        ("+3h", timedelta(hours=3)),
        ("+1d12h", timedelta(hours=36)),
        ("+90min", timedelta(minutes=90)),
        ("+90m", timedelta(minutes=90)),
        ("+3 hours", timedelta(hours=3)),
        ("+1 day", timedelta(days=1)),
        ("+1 DAY 2 Hours", timedelta(hours=26)),
        ("+ 2 weeks", timedelta(days=14)),
        ("+1w1d1h1m1s", timedelta(days=8, seconds=3661)),
        ("+45 seconds", timedelta(seconds=45)),
        (" +30s ", timedelta(seconds=30)),
        ("+366d", timedelta(days=366)),
    ],
)
def test_offsets_count_from_the_start_of_the_window(rule, elapsed):
    start = datetime(2026, 6, 17, 6, tzinfo=UTC)
    assert deadline(rule, start, END, ZoneInfo("UTC")) == start + elapsed


@pytest.mark.parametrize("rule", [None, ""])
def test_without_a_rule_the_window_end_counts(rule):
    assert deadline(rule, START, END, PRAGUE) == END


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("06:30", "2026-06-17T06:30+02:00"),
        ("6:30", "2026-06-17T06:30+02:00"),
        ("06:00", "2026-06-18T06:00+02:00"),
        ("05:59", "2026-06-18T05:59+02:00"),
        ("00:00", "2026-06-18T00:00+02:00"),
    ],
)
def test_a_time_of_day_is_the_next_one_after_the_start(rule, expected):
    assert deadline(rule, START, END, PRAGUE) == instant(expected)


@pytest.mark.parametrize(
    ("zone", "rule", "start", "expected"),
    [
        # A calendar day keeps the time of day, hours are elapsed ones.
        (PRAGUE, "+1d", "2026-10-24T12:00+02:00", "2026-10-25T12:00+01:00"),
        (PRAGUE, "+24h", "2026-10-24T12:00+02:00", "2026-10-25T11:00+01:00"),
        (PRAGUE, "+1d12h", "2026-03-28T02:30+01:00", "2026-03-29T15:00+02:00"),
        (PRAGUE, "02:30", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        (PRAGUE, "02:30", "2026-10-25T00:00+02:00", "2026-10-25T02:30+02:00"),
        (PRAGUE, "02:30", "2026-10-25T02:40+02:00", "2026-10-25T02:30+01:00"),
        (PRAGUE, "02:30", "2026-10-25T02:40+01:00", "2026-10-26T02:30+01:00"),
        (SANTIAGO, "00:00", "2026-09-05T12:00-04:00", "2026-09-06T01:00-03:00"),
    ],
)
def test_deadlines_across_clock_changes(zone, rule, start, expected):
    assert deadline(rule, instant(start), END, zone) == instant(expected)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("3h", "neither"),
        ("+3", "neither"),
        ("+", "neither"),
        ("24:00", "neither"),
        ("12:60", "neither"),
        ("06:00:00", "neither"),
        ("-3h", "neither"),
        ("tomorrow", "neither"),
        ("+1.5h", "neither"),
        ("+3 months", "'months' is not a unit"),
        ("+3x", "'x' is not a unit"),
        ("+1h30h", "hours are given twice"),
        ("+0h", "over when the window starts"),
        ("+367d", "longer than 366 days"),
        ("+366d1s", "longer than 366 days"),
        ("+999999999w", "longer than 366 days"),
        ("+999999999999h", "neither"),
    ],
)
def test_other_rules_are_refused_with_the_reason_and_the_way_out(rule, why):
    with pytest.raises(DeadlineError, match=why) as refusal:
        parse_deadline(rule)
    assert repr(rule) in str(refusal.value)
    assert "+1d12h" in str(refusal.value)


def test_no_text_at_all_is_not_a_rule():
    with pytest.raises(DeadlineError):
        parse_deadline(None)


@given(st.from_regex(r"\A\+[1-9][0-9]?(m|min|h|s| hours| minutes)\Z") | st.times().map(lambda t: f"{t:%H:%M}"))
def test_a_deadline_is_always_after_the_start(rule):
    assert deadline(rule, START, END, PRAGUE) > START


def test_a_window_reaches_to_the_next_slot_in_calendar_terms():
    autumn = instant("2026-10-25T00:00+02:00").astimezone(UTC)
    assert window(Cadence("d", None, PRAGUE), autumn) == Window(autumn, autumn + timedelta(hours=25))
    february = instant("2026-02-01T00:00+01:00").astimezone(UTC)
    assert window(Cadence("m", None, PRAGUE), february).end == instant("2026-03-01T00:00+01:00")


@pytest.mark.parametrize(
    ("code", "cron", "start", "end"),
    [
        ("i", None, "2026-10-25T02:59+02:00", "2026-10-25T02:00+01:00"),
        ("h", None, "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"),
        ("h", None, "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"),
        ("d", None, "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("w", None, "2026-03-23T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("m", None, "2028-02-01T00:00+01:00", "2028-03-01T00:00+01:00"),
        ("m", None, "2026-01-01T00:00+01:00", "2026-02-01T00:00+01:00"),
        ("y", None, "2028-01-01T00:00+01:00", "2029-01-01T00:00+01:00"),
        ("c", "15 4 * * MON-FRI", "2026-06-19T04:15+02:00", "2026-06-22T04:15+02:00"),
        ("c", "0 0 L * *", "2028-01-31T00:00+01:00", "2028-02-29T00:00+01:00"),
        ("c", "30 2 * * *", "2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00"),
        ("c", "0 0 29 2 *", "2024-02-29T00:00+01:00", "2028-02-29T00:00+01:00"),
    ],
)
def test_the_window_of_every_cadence_ends_at_its_next_slot(code, cron, start, end):
    slot = instant(start).astimezone(UTC)
    found = window(Cadence(code, cron, PRAGUE), slot)
    assert (found.start, found.end) == (slot, instant(end))
    assert deadline(None, slot, found.end, PRAGUE) == instant(end)
