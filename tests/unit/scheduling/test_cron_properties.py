"""Properties over random expressions, zones and instants near clock changes, against a minute-by-minute oracle."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.scheduling.cron import Cron, CronError, parse

MINUTE = timedelta(minutes=1)
CHANGES = [
    ("Europe/Prague", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Prague", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
    ("UTC", datetime(2026, 6, 15, tzinfo=UTC)),
]
changes = st.sampled_from(CHANGES)


@st.composite
def fields(draw, low, high):
    """A field as text together with the numbers it stands for."""
    kind = draw(st.sampled_from(["star", "step", "list"]))
    if kind == "star":
        return "*", set(range(low, high + 1))
    if kind == "step":
        step = draw(st.integers(1, (high - low) // 2))
        return f"*/{step}", set(range(low, high + 1, step))
    numbers = draw(st.sets(st.integers(low, high), min_size=1, max_size=4))
    return ",".join(map(str, sorted(numbers))), numbers


def local(instant, zone):
    return instant.astimezone(zone)


def matches(instant, zone, minutes, hours):
    wall = local(instant, zone)
    return wall.minute in minutes and wall.hour in hours


def real_minutes(start, end):
    return (start + k * MINUTE for k in range(1, int((end - start) / MINUTE) + 1))


def oracle(start, end, zone, minute, hour):
    """Debian's rules, from the running clock: what the wall shows, plus what a jump has left out."""
    minutes, hours = minute[1], hour[1]
    real_time = minute[0].startswith("*") or hour[0].startswith("*")
    found, shown = [], set()
    for then in real_minutes(start - timedelta(hours=3), end):
        wall = local(then, zone).replace(tzinfo=None, fold=0)
        before = local(then - MINUTE, zone).replace(tzinfo=None, fold=0)
        due = wall.minute in minutes and wall.hour in hours and (real_time or wall not in shown)
        if not real_time and wall - before > MINUTE:
            lost = (before + k * MINUTE for k in range(1, int((wall - before) / MINUTE)))
            due = due or any(gone.minute in minutes and gone.hour in hours for gone in lost)
        shown.add(wall)
        if due and then > start:
            found.append(then)
    return found


@settings(max_examples=150, deadline=None)
@given(changes, fields(0, 59), fields(0, 23), st.integers(-400, 400), st.integers(1, 840), st.integers(0, 59))
def test_around_clock_changes_the_oracle_is_met_in_both_directions(change, minute, hour, offset, length, second):
    zone, start = ZoneInfo(change[0]), change[1] + timedelta(minutes=offset)
    end = start + timedelta(minutes=length)
    cron, expected = parse(f"{minute[0]} {hour[0]} * * *"), oracle(start, end, zone, minute, hour)
    forwards, then = [], start + timedelta(seconds=second)
    while (then := cron.next_after(then, zone)) and then <= end:
        forwards.append(then)
    assert forwards == expected
    backwards, then = [], end + timedelta(microseconds=1 + second)
    while (then := cron.last_before(then, zone)) and then > start:
        backwards.append(then)
    assert backwards[::-1] == expected


@settings(max_examples=100, deadline=None)
@given(changes, fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6), st.integers(-500000, 500000))
def test_occurrences_rise_and_show_the_wall_clock_outside_of_clock_changes(
    change, minute, hour, day, month, weekday, offset
):
    zone, then = ZoneInfo(change[0]), change[1] + timedelta(minutes=offset)
    try:
        cron = parse(" ".join(field[0] for field in (minute, hour, day, month, weekday)))
    except CronError:
        assert min(day[1]) > 29
        return
    previous = then
    for _ in range(12):
        then = cron.next_after(previous, zone)
        if then is None:
            return
        assert then > previous
        assert cron.last_before(then + timedelta(microseconds=1), zone) == then
        wall = local(then, zone)
        unchanged = wall.utcoffset() == local(then - timedelta(days=1), zone).utcoffset()
        if unchanged:
            assert matches(then, zone, minute[1], hour[1])
            by_day, by_weekday = wall.day in day[1], wall.isoweekday() % 7 in weekday[1]
            starred = day[0].startswith("*") or weekday[0].startswith("*")
            assert wall.month in month[1]
            assert (by_day and by_weekday) if starred else (by_day or by_weekday)
        previous = then


@settings(max_examples=50, deadline=None)
@given(changes, fields(0, 59), fields(0, 23), st.lists(st.integers(-3000, 3000), min_size=2, max_size=30))
def test_answers_do_not_depend_on_what_was_asked_before(change, minute, hour, offsets):
    zone, text = ZoneInfo(change[0]), f"{minute[0]} {hour[0]} * * *"
    used = Cron(text)
    for offset in offsets:
        asked = change[1] + timedelta(minutes=offset)
        assert used.next_after(asked, zone) == Cron(text).next_after(asked, zone)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="0123456789*,-/LW#? MONFRI@", max_size=20))
def test_any_text_is_either_a_rule_or_a_cron_error(text):
    try:
        cron = parse(text)
    except CronError:
        return
    found = [datetime(2026, 1, 1, tzinfo=UTC)]
    for _ in range(3):
        found.append(cron.next_after(found[-1], ZoneInfo("UTC")))
    assert all(earlier < later for earlier, later in pairwise(found))
