"""The choices stored by the models are the ones that scheduling understands."""

from datetime import UTC, datetime

from multiflexi.models import Job
from multiflexi.models.runtemplate import CatchUp, Interval, Overlap
from multiflexi.scheduling.intervals import INTERVALS
from multiflexi.scheduling.policy import choose_slots, overlap_allows


def test_interval_codes():
    assert set(Interval.values) == set(INTERVALS)


def test_interval_words_are_schedule_types():
    words = {interval.word for interval in INTERVALS.values() if interval.code != "n"}
    assert words <= {value for value, _ in Job._meta.get_field("schedule_type").choices}


def test_policies():
    now = datetime(2026, 6, 17, tzinfo=UTC)
    assert all(choose_slots([now], now, policy, limit=1, grace=0) == [now] for policy in CatchUp.values)
    assert all(overlap_allows(policy, pending_regular=0, active=0) for policy in Overlap.values)
