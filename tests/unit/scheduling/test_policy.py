from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from multiflexi.scheduling.policy import choose_slots, most_at_once, overlap_allows
from multiflexi.scheduling.spread import jitter

SLOTS = [datetime(2026, 6, 17, hour, tzinfo=UTC) for hour in range(5)]


@pytest.mark.parametrize(
    ("catch_up", "due", "late", "chosen"),
    [
        ("latest", SLOTS, 5, SLOTS[-1:]),
        ("latest", SLOTS, 3000, SLOTS[-1:]),
        ("latest", SLOTS[:1], 3000, SLOTS[:1]),
        ("latest", [], 0, []),
        ("none", SLOTS, 60, SLOTS[-1:]),
        ("none", SLOTS, 60.5, []),
        ("none", SLOTS[:1], 5, SLOTS[:1]),
        ("none", SLOTS[:1], 61, []),
        ("none", [], 0, []),
        ("all", SLOTS, 3000, SLOTS[-3:]),
        ("all", SLOTS[:2], 3000, SLOTS[:2]),
        ("all", [], 0, []),
    ],
)
def test_slots_that_get_a_job(catch_up, due, late, chosen):
    now = (due[-1] if due else SLOTS[0]) + timedelta(seconds=late)
    assert choose_slots(due, now, catch_up, limit=3, grace=60) == chosen


def test_a_limit_of_zero_catches_nothing_up():
    assert choose_slots(SLOTS, SLOTS[-1], "all", limit=0, grace=60) == []


@pytest.mark.parametrize(
    ("overlap", "pending", "active", "allowed"),
    [
        ("queue-one", 0, 0, True),
        ("queue-one", 0, 1, True),
        ("queue-one", 1, 0, False),
        ("queue-one", 1, 1, False),
        ("skip", 0, 0, True),
        ("skip", 0, 1, False),
        ("skip", 1, 0, False),
        ("allow", 3, 7, True),
    ],
)
def test_overlap(overlap, pending, active, allowed):
    assert overlap_allows(overlap, pending_regular=pending, active=active) is allowed


@pytest.mark.parametrize(
    ("overlap", "max_parallel", "places"),
    [("queue-one", 9, 1), ("skip", None, 1), ("allow", None, None), ("allow", 3, 3)],
)
def test_most_runs_at_once(overlap, max_parallel, places):
    assert most_at_once(overlap, max_parallel) == places


def test_unknown_policies_are_refused():
    with pytest.raises(ValueError, match="latest, none or all"):
        choose_slots(SLOTS, SLOTS[-1], "some", limit=1, grace=0)
    with pytest.raises(ValueError, match="queue-one, skip or allow"):
        overlap_allows("queue", pending_regular=0, active=0)
    with pytest.raises(ValueError, match="queue-one, skip or allow"):
        most_at_once("queue", None)


def test_the_spread_is_stable_bounded_and_even():
    counts = Counter(jitter(number, SLOTS[0], 9) for number in range(5000))
    assert sorted(counts) == list(range(10))
    assert min(counts.values()) > 400
    assert jitter(42, SLOTS[0], 3600) == jitter(42, SLOTS[0].astimezone(), 3600) == 2575
    assert len({jitter(42, slot, 3600) for slot in SLOTS}) > 1


def test_without_a_spread_nothing_is_added():
    assert jitter(1, SLOTS[0], 0) == 0
