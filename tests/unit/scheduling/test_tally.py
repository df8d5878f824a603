from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.scheduling.cron import parse
from multiflexi.scheduling.tally import count_between

instants = st.integers(0, 8 * 86_400_000).map(
    lambda k: datetime(2026, 4, 1, tzinfo=UTC) + timedelta(milliseconds=k)
)  # fmt: skip


def test_both_ends_are_left_out():
    cron, zone, noon = parse("* * * * *"), ZoneInfo("UTC"), datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert count_between(cron, noon, noon + timedelta(minutes=2), zone) == 1
    assert count_between(cron, noon, noon + timedelta(minutes=2, microseconds=1), zone) == 2
    assert count_between(cron, noon - timedelta(microseconds=1), noon + timedelta(minutes=2), zone) == 2
    assert count_between(cron, noon, noon, zone) == 0


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["*/7 * * * *", "0 * * * *", "0,30 23 * * *", "15 1-2 * * *", "0 0 * * *", "*/10 2 * * 0", "5 5 L * *"]
    ),
    st.sampled_from(["Europe/Prague", "America/Santiago", "Australia/Lord_Howe"]),
    instants,
    instants,
)
def test_the_count_is_the_length_of_the_walk(expression, zone, after, before):
    cron, zone, walked, slot = parse(expression), ZoneInfo(zone), 0, after
    while (slot := cron.next_after(slot, zone)) < before:
        walked += 1
    assert count_between(cron, after, before, zone) == walked
