"""Clock changes as Debian's cron treats them, in zones that change by an hour, by half an hour and at midnight."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from multiflexi.scheduling.cron import Cron, parse

PRAGUE, LORD_HOWE, SANTIAGO, SYDNEY = "Europe/Prague", "Australia/Lord_Howe", "America/Santiago", "Australia/Sydney"
BEIRUT, HAVANA, AZORES = "Asia/Beirut", "America/Havana", "Atlantic/Azores"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


VECTORS = [
    (PRAGUE, "30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
    (
        PRAGUE,
        "0 * * * *",
        "2026-03-29T00:30+01:00",
        ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"],
    ),
    (
        PRAGUE,
        "*/30 * * * *",
        "2026-03-29T01:00+01:00",
        ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"],
    ),
    (PRAGUE, "30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
    (
        PRAGUE,
        "0 * * * *",
        "2026-10-25T00:30+02:00",
        ["2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"],
    ),
    (
        PRAGUE,
        "*/30 * * * *",
        "2026-10-25T01:30+02:00",
        [
            *("2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00"),
            *("2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00"),
        ],
    ),
    (
        PRAGUE,
        "30 1-3 * * *",
        "2026-10-25T00:00+02:00",
        ["2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00", "2026-10-25T03:30+01:00"],
    ),
    (PRAGUE, "0 0 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"]),
    # Several fixed times inside the gap are one start at its end, together with the regular one at that minute.
    (PRAGUE, "0,30 2,3 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
    # Nothing fixed is repeated or lost for someone who asks inside the second pass of the hour.
    (PRAGUE, "30 2 * * *", "2026-10-25T02:10+01:00", ["2026-10-26T02:30+01:00"]),
    (PRAGUE, "30 2 * * *", "2026-10-25T02:40+02:00", ["2026-10-26T02:30+01:00"]),
    (PRAGUE, "*/20 2 * * *", "2026-10-25T02:41+02:00", ["2026-10-25T02:00+01:00", "2026-10-25T02:20+01:00"]),
    (PRAGUE, "50 * * * *", "2026-10-25T02:55+02:00", ["2026-10-25T02:50+01:00", "2026-10-25T03:50+01:00"]),
    # A real-time entry for the lost hour does not run that day.
    (PRAGUE, "*/30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-30T02:00+02:00", "2026-03-30T02:30+02:00"]),
    # The clock moves by 30 minutes: 02:00 becomes 02:30 in spring, 02:00 becomes 01:30 in autumn.
    (LORD_HOWE, "15 2 * * *", "2026-10-03T12:00+10:30", ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"]),
    (LORD_HOWE, "0 * * * *", "2026-10-04T00:10+10:30", ["2026-10-04T01:00+10:30", "2026-10-04T03:00+11:00"]),
    (
        LORD_HOWE,
        "*/15 * * * *",
        "2026-10-04T01:40+10:30",
        ["2026-10-04T01:45+10:30", "2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00"],
    ),
    (LORD_HOWE, "45 1 * * *", "2026-04-04T12:00+11:00", ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
    (
        LORD_HOWE,
        "*/15 1,2 * * *",
        "2026-04-05T01:20+11:00",
        [
            *("2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:30+10:30"),
            *("2026-04-05T01:45+10:30", "2026-04-05T02:00+10:30", "2026-04-05T02:15+10:30"),
        ],
    ),
    (
        LORD_HOWE,
        "30 * * * *",
        "2026-04-05T01:00+11:00",
        ["2026-04-05T01:30+11:00", "2026-04-05T01:30+10:30", "2026-04-05T02:30+10:30"],
    ),
    # A southern zone: the gap is in October, the repeated hour in April.
    (SYDNEY, "30 2 * * *", "2026-10-03T12:00+10:00", ["2026-10-04T03:00+11:00", "2026-10-05T02:30+11:00"]),
    (SYDNEY, "30 2 * * *", "2026-04-04T12:00+11:00", ["2026-04-05T02:30+11:00", "2026-04-06T02:30+10:00"]),
    (
        SYDNEY,
        "0 * * * *",
        "2026-04-05T01:30+11:00",
        ["2026-04-05T02:00+11:00", "2026-04-05T02:00+10:00", "2026-04-05T03:00+10:00"],
    ),
    # Midnight does not exist on the day of the change.
    (SANTIAGO, "0 0 * * *", "2026-09-05T12:00-04:00", ["2026-09-06T01:00-03:00", "2026-09-07T00:00-03:00"]),
    (BEIRUT, "0 0 * * *", "2026-03-28T12:00+02:00", ["2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00"]),
    (SANTIAGO, "0 * * * *", "2026-09-05T22:30-04:00", ["2026-09-05T23:00-04:00", "2026-09-06T01:00-03:00"]),
    # The hour before midnight is repeated, midnight itself comes once.
    (SANTIAGO, "0 0 * * *", "2026-04-04T12:00-03:00", ["2026-04-05T00:00-04:00", "2026-04-06T00:00-04:00"]),
    (SANTIAGO, "30 23 * * *", "2026-04-04T12:00-03:00", ["2026-04-04T23:30-03:00", "2026-04-05T23:30-04:00"]),
    # Midnight comes twice, the first one counts.
    (HAVANA, "0 0 * * *", "2026-10-31T12:00-04:00", ["2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"]),
    (AZORES, "0 0 * * *", "2026-10-24T12:00+00:00", ["2026-10-25T00:00+00:00", "2026-10-26T00:00-01:00"]),
]


@pytest.mark.parametrize(("zone", "expression", "after", "expected"), VECTORS)
def test_forwards(zone, expression, after, expected):
    cron, found = Cron(expression), [instant(after)]
    for _ in expected:
        found.append(cron.next_after(found[-1], ZoneInfo(zone)))
    assert found[1:] == [instant(text) for text in expected]


@pytest.mark.parametrize(("zone", "expression", "after", "expected"), VECTORS)
def test_backwards(zone, expression, after, expected):
    cron, found = Cron(expression), [instant(expected[-1]) + timedelta(microseconds=1)]
    for _ in expected:
        found.append(cron.last_before(found[-1], ZoneInfo(zone)))
    assert found[:0:-1] == [instant(text) for text in expected]


def test_backwards_from_inside_the_second_pass_finds_the_later_readings_of_the_first():
    second_pass = instant("2026-10-25T02:10+01:00")
    assert parse("30 2 * * *").last_before(second_pass, ZoneInfo(PRAGUE)) == instant("2026-10-25T02:30+02:00")
    assert parse("50 * * * *").last_before(second_pass, ZoneInfo(PRAGUE)) == instant("2026-10-25T02:50+02:00")


def test_answers_are_in_utc():
    assert parse("0 0 * * *").next_after(instant("2026-06-15T12:00+02:00"), ZoneInfo(PRAGUE)).tzinfo is UTC


def test_an_entry_that_always_falls_into_the_gap_has_no_occurrence():
    cron, summer = parse("*/10 2 * 3 SUNL"), instant("2026-06-15T12:00+02:00")
    assert cron.next_after(summer, ZoneInfo(PRAGUE)) is None
    assert cron.next_after(summer, ZoneInfo("UTC")) == instant("2027-03-28T02:00+00:00")


def test_answers_are_remembered_separately_for_each_zone():
    cron, now = parse("0 3 * * *"), instant("2026-06-15T00:00+00:00")
    assert cron.next_after(now, ZoneInfo(PRAGUE)) == instant("2026-06-15T03:00+02:00")
    assert cron.next_after(now, ZoneInfo(SYDNEY)) == instant("2026-06-16T03:00+10:00")
    assert cron.next_after(now, ZoneInfo(PRAGUE)) == instant("2026-06-15T03:00+02:00")
