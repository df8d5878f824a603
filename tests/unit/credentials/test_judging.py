"""What a result means: which states stop jobs, and how long they count."""

from __future__ import annotations

import random

import pytest

from multiflexi.credentials.contract import Result
from multiflexi.credentials.judging import Judgement, judge, rank
from multiflexi.models import Availability as A


class Least(random.Random):
    """Draws the lower bound."""

    def uniform(self, a: float, b: float) -> float:
        return a


def judged(state, failures=0, *, gate=False, ttl=60.0):
    return judge(Result(state, "told", ttl), failures, gate_on_degraded=gate, draw=Least())


@pytest.mark.parametrize(
    ("state", "gate", "expected"),
    [
        (A.AVAILABLE, True, 0),
        (A.UNKNOWN, True, 0),
        (A.DEGRADED, False, 0),
        (A.DEGRADED, True, 1),
        (A.UNAVAILABLE, False, 1),
        (A.MISCONFIGURED, False, 2),
    ],
)
def test_what_a_state_keeps_from_jobs(state, gate, expected):
    assert rank(state, gate_on_degraded=gate) == expected


def test_repeated_failures_lengthen_the_time_to_the_next_check():
    seconds = [judged(A.UNAVAILABLE, failures).seconds for failures in range(7)]
    assert seconds == [60, 120, 240, 480, 900, 900, 900]


def test_the_jitter_only_lengthens_and_stays_within_a_tenth():
    drawn = [judge(Result(A.UNAVAILABLE, "", 60), 0, gate_on_degraded=False).seconds for _ in range(50)]
    assert all(60 <= seconds <= 66 for seconds in drawn)
    assert len(set(drawn)) > 1


def test_a_longer_wait_that_the_server_asked_for_is_kept():
    assert judged(A.UNAVAILABLE, ttl=3600).seconds == 3600


def test_a_result_that_counts_for_no_time_counts_for_a_minute():
    assert judged(A.AVAILABLE, ttl=0).seconds == 60


def test_a_success_ends_the_row_of_failures():
    assert judged(A.AVAILABLE, 5, ttl=300) == Judgement(0, 300)


@pytest.mark.parametrize(("gate", "failures"), [(False, 0), (True, 1)])
def test_a_degraded_service_fails_only_where_it_stops_jobs(gate, failures):
    assert judged(A.DEGRADED, gate=gate).failures == failures
