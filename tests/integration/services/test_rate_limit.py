"""Rate limits: exact under many processes, sliding, cheap, and harmless when nobody counts; the same in both stores."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from multiflexi.environ import SettingsError
from multiflexi.models import ApiRateLimit
from multiflexi.services import rate_limit, rate_redis, rate_store
from multiflexi.services.rate_limit import Decision, Scope, client, take
from tests.redis_server import names_of_our_own

NOON = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
ANOTHER_PROCESS = """
import django; django.setup()
from multiflexi.services.rate_limit import Scope, take
print(sum(take(Scope.USER, "user:1").allowed for _ in range(150)))
"""


@pytest.fixture(params=["database", "redis"])
def store(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """Where requests are counted."""
    if request.param == "database":
        yield request.param
        return
    with names_of_our_own() as address:
        settings.CACHE_URL = address
        yield request.param


@pytest.fixture
def clock(store: str, db: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def taken(scope: Scope = Scope.LOGIN, who: str = "address:192.0.2.1") -> Decision:
    decision = take(scope, who)
    assert decision is not None
    return decision


def granted(number: int, scope: Scope = Scope.LOGIN, who: str = "address:192.0.2.1") -> int:
    return sum(taken(scope, who).allowed for _ in range(number))


def counted(who: str, scope: Scope = Scope.LOGIN) -> int:
    """What stands in the store, in this window."""
    if not settings.CACHE_URL:
        return ApiRateLimit.objects.get(identifier=who, endpoint=scope).requests
    server = rate_redis.connected(settings.CACHE_URL)
    return int(server.client.hget(f"{server.prefix}:rate:{scope}:{who}", "requests"))


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
    assert counted("address:192.0.2.1") == 10


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
    assert len(made) < (1 if settings.CACHE_URL else 80)
    elsewhere()
    assert taken(Scope.USER, "user:1").remaining >= 4970


def test_a_slow_client_is_counted_one_by_one(clock: Any) -> None:
    for number in range(1, 20):
        elsewhere()
        taken(Scope.USER, "user:1")
        assert counted("user:1", Scope.USER) == number


def test_a_refused_client_costs_a_statement_a_second(clock: Any) -> None:
    granted(11)
    with CaptureQueriesContext(connection) as made:
        granted(100)
    assert len(made) == 0


def test_several_processes_grant_no_more_than_one(
    process_environment: dict[str, str], shared_db: None, store: str, settings: Any
) -> None:
    environment = process_environment | {"API_RATE_LIMIT_REQUESTS": "200", "API_RATE_LIMIT_WINDOW": "100000000"}
    if settings.CACHE_URL:
        environment["CACHE_URL"] = settings.CACHE_URL
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ANOTHER_PROCESS], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert sum(int(out) for out, _err in results) == 200


@pytest.fixture
def away(clock: Any, store: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody counts: a database that fails, a server that is not there."""

    def broken(*_arguments: object, **_more: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(rate_store, "count", broken)
    monkeypatch.setattr(rate_limit, "_alarmed_at", -1000.0)
    if store == "redis":
        settings.CACHE_URL = "redis://:pa55word@127.0.0.1:1/0"


def test_without_its_store_reading_goes_on_and_signing_in_does_not(
    away: None, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert take(Scope.USER, "user:1") is None
    for scope in (Scope.LOGIN, Scope.EXPORT, Scope.RECOVERY, Scope.LINK, Scope.OAUTH):
        with pytest.raises(rate_limit.Unavailable):
            take(scope, "user:1")
    alarms = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert len(alarms) == 1
    assert "pa55word" not in alarms[0]


def test_a_server_that_is_back_counts_again(away: None, store: str, settings: Any) -> None:
    if store != "redis":
        pytest.skip("the database is not asked less when it fails")
    assert take(Scope.USER, "user:1") is None
    with names_of_our_own() as address:
        settings.CACHE_URL = address
        assert take(Scope.USER, "user:1") is None
        rate_redis.forget()
        assert taken(Scope.USER, "user:1").allowed


def test_what_is_given_back_was_not_taken(clock: Any) -> None:
    for _ in range(30):
        assert taken().allowed
        rate_limit.give_back(Scope.LOGIN, "address:192.0.2.1")
    assert granted(20) == 10


def test_a_window_that_began_elsewhere_counts(clock: Any) -> None:
    """Clocks of hosts differ: one that is late counts into the window that another one has begun."""
    assert granted(6) == 6
    clock.shift(timedelta(seconds=-1))
    elsewhere()
    assert granted(6) == 4


def test_counters_end_by_themselves(clock: Any, store: str) -> None:
    taken()
    if store == "redis":
        server = rate_redis.connected(settings.CACHE_URL)
        (name,) = server.client.scan_iter(f"{server.prefix}:*")
        assert 0 < server.client.ttl(name) <= 600


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/0",
        "redis://127.0.0.1:many/0",
        "redis://127.0.0.1/0?unknown=1",
        "redis://127.0.0.1/0?protocol=9",
        "rediss://127.0.0.1/0?ssl_cert_reqs=perhaps",
    ],
)
def test_an_unusable_server_is_a_wrong_setting(address: str) -> None:
    with pytest.raises(SettingsError, match="CACHE_URL"):
        rate_redis.connected(address)


def test_a_server_behind_a_socket_file() -> None:
    server = rate_redis.connected("unix:///run/redis/redis.sock?db=2&prefix=ours")
    told = server.client.connection_pool.connection_kwargs
    assert (told["path"], told["db"], server.prefix) == ("/run/redis/redis.sock", 2, "ours")


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


def test_old_counters_are_forgotten(clock: Any, store: str) -> None:
    if store != "database":
        pytest.skip("they end by themselves")
    taken()
    clock.shift(timedelta(days=1))
    taken(who="address:192.0.2.9")
    assert rate_store.forget(rate_store.is_over(3600)) == 1
    assert ApiRateLimit.objects.get().identifier == "address:192.0.2.9"
