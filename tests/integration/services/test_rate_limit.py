"""Rate limits: exact under many processes, sliding, cheap, and harmless when the database does not answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from multiflexi.models import ApiRateLimit
from multiflexi.services import rate_limit, rate_store
from multiflexi.services.rate_limit import Decision, Scope, client, take

NOON = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
ANOTHER_PROCESS = """
import django; django.setup()
from multiflexi.services.rate_limit import Scope, take
print(sum(take(Scope.USER, "user:1").allowed for _ in range(150)))
"""


@pytest.fixture
def clock(db: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def taken(scope: Scope = Scope.LOGIN, who: str = "address:192.0.2.1") -> Decision:
    decision = take(scope, who)
    assert decision is not None
    return decision


def granted(number: int, scope: Scope = Scope.LOGIN, who: str = "address:192.0.2.1") -> int:
    return sum(taken(scope, who).allowed for _ in range(number))


def elsewhere() -> None:
    """As if another process asked from now on."""
    rate_limit.forget()


def test_ten_in_five_minutes(clock: Any) -> None:
    assert [taken().remaining for _ in range(10)] == list(range(9, -1, -1))
    refused = taken()
    assert (refused.allowed, refused.remaining, refused.reset) == (False, 0, 300)
    assert granted(20, who="address:192.0.2.2") == 10
    assert granted(20, Scope.EXPORT) == 5


def test_the_window_slides(clock: Any) -> None:
    clock.shift(timedelta(seconds=299))
    assert granted(20) == 10
    clock.shift(timedelta(seconds=2))
    assert granted(20) == 0
    clock.shift(timedelta(seconds=148))
    elsewhere()
    assert granted(20) == 4
    clock.shift(timedelta(seconds=600))
    assert granted(20) == 10


@pytest.mark.parametrize("after", [0, 100, 299])
def test_whoever_waits_as_long_as_told_is_let_in(clock: Any, after: int) -> None:
    clock.shift(timedelta(seconds=after))
    assert granted(10) == 10
    wait = taken().retry_after
    clock.shift(timedelta(seconds=max(0, wait - 35)))
    early = taken()
    clock.shift(timedelta(seconds=wait - max(0, wait - 35)))
    assert not early.allowed
    assert taken().allowed


def test_refused_requests_do_not_keep_one_out(clock: Any) -> None:
    for _ in range(40):
        granted(5)
        clock.shift(timedelta(seconds=2))
    assert ApiRateLimit.objects.get().requests == 10


def test_who_asks_all_the_time_is_let_in_as_often_as_the_limit_says(clock: Any) -> None:
    answers = []
    for _ in range(3000):
        answers.append(taken().allowed)
        clock.shift(timedelta(seconds=1))
    assert 90 <= sum(answers) <= 101
    # A window estimated from two fixed ones may be over by what was uneven in the one before.
    assert max(sum(answers[begin : begin + 300]) for begin in range(2700)) <= 12


def test_many_are_handed_out_by_few_statements(clock: Any) -> None:
    with CaptureQueriesContext(connection) as made:
        assert granted(1000, Scope.USER, "user:1") == 1000
    assert len(made) < 80
    elsewhere()
    assert taken(Scope.USER, "user:1").remaining >= 4970


def test_a_slow_client_is_counted_one_by_one(clock: Any) -> None:
    for number in range(1, 20):
        elsewhere()
        taken(Scope.USER, "user:1")
        assert ApiRateLimit.objects.get().requests == number


def test_a_refused_client_costs_a_statement_a_second(clock: Any) -> None:
    granted(11)
    with CaptureQueriesContext(connection) as made:
        granted(100)
    assert len(made) == 0


def test_several_processes_grant_no_more_than_one(
    process_environment: dict[str, str], shared_db: None, settings: Any
) -> None:
    environment = process_environment | {"API_RATE_LIMIT_REQUESTS": "200", "API_RATE_LIMIT_WINDOW": "100000000"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ANOTHER_PROCESS], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert sum(int(out) for out, _err in results) == 200


def test_without_the_database_reading_goes_on_and_signing_in_does_not(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_more: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(rate_store, "count", broken)
    assert take(Scope.USER, "user:1") is None
    for scope in (Scope.LOGIN, Scope.EXPORT):
        with pytest.raises(rate_limit.Unavailable):
            take(scope, "user:1")


def test_switched_off(db: None, settings: Any, queries: Callable[..., Any]) -> None:
    settings.API_RATE_LIMITING_ENABLED = False
    with queries(0):
        assert take(Scope.LOGIN, "user:1") is None


def test_the_limit_of_users_is_configurable(clock: Any, settings: Any) -> None:
    settings.API_RATE_LIMIT_REQUESTS, settings.API_RATE_LIMIT_WINDOW = 3, 60
    assert granted(9, Scope.USER, "token:1") == 3


def test_who_is_counted() -> None:
    assert client(token_id=3, user_id=1, address="192.0.2.1") == "token:3"
    assert client(user_id=1, address="192.0.2.1") == "user:1"
    assert client(address="::ffff:192.0.2.1") == client(address="192.0.2.1") == "address:192.0.2.1"
    assert client(address="2001:db8:1:2:3::4") == client(address="2001:db8:1:2::") == "address:2001:db8:1:2::/64"


def test_old_counters_are_forgotten(clock: Any) -> None:
    taken()
    clock.shift(timedelta(days=1))
    taken(who="address:192.0.2.9")
    assert rate_store.forget(rate_store.is_over(3600)) == 1
    assert ApiRateLimit.objects.get().identifier == "address:192.0.2.9"
