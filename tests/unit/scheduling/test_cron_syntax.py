from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from multiflexi.scheduling.cron import CronError, parse

PRAGUE = ZoneInfo("Europe/Prague")


def occurrences(expression: str, start: str, count: int) -> list[str]:
    cron, instant, found = parse(expression), datetime.fromisoformat(start).replace(tzinfo=PRAGUE), []
    for _ in range(count):
        instant = cron.next_after(instant, PRAGUE)
        found.append(instant.astimezone(PRAGUE).strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("0 0 L * *", "2026-06-15", ["06-30 00:00", "07-31 00:00", "08-31 00:00"]),
        ("0 0 L * *", "2026-02-01", ["02-28 00:00"]),
        ("0 0 LW * *", "2026-05-15", ["05-29 00:00", "06-30 00:00"]),
        ("0 0 wl * *", "2026-05-15", ["05-29 00:00"]),
        ("0 0 * * 5#3", "2026-06-15", ["06-19 00:00", "07-17 00:00"]),
        ("0 0 * * FRI#3", "2026-06-15", ["06-19 00:00"]),
        ("0 0 * * 5L", "2026-06-15", ["06-26 00:00", "07-31 00:00"]),
        ("0 0 * * friL", "2026-06-15", ["06-26 00:00"]),
        ("0 0 1W * *", "2026-06-15", ["07-01 00:00", "08-03 00:00", "09-01 00:00"]),
        ("0 0 15W * *", "2026-07-31", ["08-14 00:00", "09-15 00:00"]),
        ("0 0 16W * *", "2026-07-31", ["08-17 00:00"]),
        ("0 0 W31 * *", "2026-05-01", ["05-29 00:00", "07-31 00:00"]),
        ("0 0 31W * *", "2026-05-01", ["05-29 00:00", "07-31 00:00", "08-31 00:00"]),
        ("0 0 1W,L * *", "2026-06-15", ["06-30 00:00", "07-01 00:00"]),
        ("0 0 1W * MON", "2026-06-27", ["06-29 00:00", "07-01 00:00", "07-06 00:00"]),
        ("*/15 9-17 * * MON-FRI", "2026-06-15 10:00", ["06-15 10:15"]),
        ("*/15 9-17 * * MON-FRI", "2026-06-19 17:45", ["06-22 09:00"]),
        ("0 0 13 * 5", "2026-06-01", ["06-05 00:00", "06-12 00:00", "06-13 00:00"]),
        ("0 0 */10 * 1", "2026-06-01", ["08-31 00:00"]),
        ("0 6 * * FRI-SUN", "2026-06-15", ["06-19 06:00", "06-20 06:00", "06-21 06:00", "06-26 06:00"]),
        ("0 6 * * SUN", "2026-06-15", ["06-21 06:00"]),
        ("0 6 * * 7", "2026-06-15", ["06-21 06:00"]),
        ("0 6 1 JAN,jul *", "2026-06-15", ["07-01 06:00", "01-01 06:00"]),
        ("5/20 6 ? * *", "2026-06-15", ["06-15 06:05", "06-15 06:25", "06-15 06:45", "06-16 06:05"]),
        ("10-40/15 6 * * ?", "2026-06-15", ["06-15 06:10", "06-15 06:25", "06-15 06:40"]),
        ("\t0  6 * *\n*", "2026-06-15", ["06-15 06:00"]),
        ("0 0 29 2 *", "2026-06-15", ["02-29 00:00"]),
        ("@daily", "2026-06-15", ["06-16 00:00"]),
        ("@midnight", "2026-06-15", ["06-16 00:00"]),
        ("@hourly", "2026-06-15", ["06-15 01:00"]),
        ("@weekly", "2026-06-15", ["06-21 00:00"]),
        ("@monthly", "2026-06-15", ["07-01 00:00"]),
        ("@yearly", "2026-06-15", ["01-01 00:00"]),
        (" @Annually ", "2026-06-15", ["01-01 00:00"]),
    ],
)
def test_expressions_mean_what_they_say(expression, start, expected):
    assert occurrences(expression, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (None, "empty"),
        ("garbage", "1 fields instead of five"),
        ("* * * * * *", "6 fields instead of five"),
        ("0 0 * *", "4 fields instead of five"),
        ("@reboot", "not a point in time"),
        ("@often", "no such macro"),
        ("0 0 31 2 *", "no calendar has such a day"),
        ("0 0 30W 2 *", "no calendar has such a day"),
        ("0 0 31 4,6,9,11 *", "no calendar has such a day"),
        ("0 0 */31 2 1#5", "no calendar has such a day"),
        ("60 0 * * *", "'60' does not fit the field minute"),
        ("0 24 * * *", "'24' does not fit the field hour"),
        ("0 0 0 * *", "'0' does not fit the field day of month"),
        ("0 0 * 13 *", "'13' does not fit the field month"),
        ("0 0 * * 8", "'8' does not fit the field day of week"),
        ("0 0 * MON *", "'MON' does not fit the field month"),
        ("0 0 * * MONDAY", "'MONDAY' does not fit the field day of week"),
        ("L 0 * * *", "'L' does not fit the field minute"),
        ("0 0 L-3 * *", "does not fit the field day of month"),
        ("0 0 L/2 * *", "does not fit the field day of month"),
        ("0 0 0W * *", "'0' does not fit the field day of month"),
        ("0 0 * * 5#6", "not a week of a month"),
        ("0 0 * * L", "does not fit the field day of week"),
        ("0 22-4 * * *", "runs backwards"),
        ("*/0 * * * *", "not a number above zero"),
        ("*/x * * * *", "not a number above zero"),
        ("1,,2 * * * *", "cannot be read as minute"),
        ("-5 * * * *", "cannot be read as minute"),
        ("1-2-3 * * * *", "cannot be read as minute"),
        ("? * * * *", "cannot be read as minute"),
        ("²5 * * * *", "cannot be read as minute"),
        ("99999999999999999999 * * * *", "does not fit the field minute"),
        ("0 0 1 1 *" + " " * 300, "309 characters and at most 255"),
    ],
)
def test_unusable_expressions_are_refused_with_the_rule(expression, rule):
    with pytest.raises(CronError) as refusal:
        parse(expression)
    assert rule in refusal.value.rule
    assert repr(expression)[:20] in str(refusal.value)
    assert refusal.value.way_out in str(refusal.value)


def test_the_way_out_of_a_backward_range_can_be_pasted():
    with pytest.raises(CronError) as refusal:
        parse("0 22-4 * * *")
    ranges = refusal.value.way_out.split(": ")[1]
    assert len(occurrences(f"0 {ranges} * * *", "2026-06-15", 7)) == 7


def test_leap_day_that_is_a_fifth_monday_comes_after_decades():
    found = parse("0 0 */28 2 1#5").next_after(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
    assert found == datetime(2044, 2, 29, tzinfo=UTC)


def test_equal_texts_share_one_rule():
    assert parse("7 3 * * *") is parse("7 3 * * *")


def test_naive_instants_are_refused():
    with pytest.raises(ValueError, match="no time zone"):
        parse("1 2 3 * *").next_after(datetime(2026, 6, 15), PRAGUE)


def test_last_before_walks_the_same_occurrences_backwards():
    cron, end = parse("*/20 8,20 1W,L * *"), datetime(2027, 1, 1, tzinfo=UTC)
    forward, instant = [], datetime(2026, 1, 1, tzinfo=UTC)
    while (instant := cron.next_after(instant, PRAGUE)) < end:
        forward.append(instant)
    backward, instant = [], end
    while (instant := cron.last_before(instant, PRAGUE)) > datetime(2026, 1, 1, tzinfo=UTC):
        backward.append(instant)
    assert backward[::-1] == forward
    assert all(later - earlier >= timedelta(minutes=20) for earlier, later in pairwise(forward))
