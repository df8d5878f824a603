"""How a daemon treats hints: as a reason to look, never as the only one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import OperationalError

from daemons.common import hints
from daemons.common.hints import GAP_SECONDS, RETRY_SECONDS, Hints
from multiflexi.jobs.queue.hints import Topic


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Channel:
    """A database that carries hints, to one listener."""

    def __init__(self) -> None:
        self.opened = 0
        self.refuses = self.broken = self.echoes_nothing = False
        self.waiting = 0

    def listen(self, *_topics: Topic) -> Channel:
        self.opened += 1
        if self.refuses:
            raise OperationalError("too many connections\nfor now")
        self.broken = False
        return self

    def hint(self, _topic: Topic) -> None:
        self.waiting += not self.echoes_nothing

    def fileno(self) -> int:
        return 7

    def heard(self) -> set[Topic]:
        if self.broken:
            raise OperationalError("gone")
        heard, self.waiting = bool(self.waiting), 0
        return {Topic.QUEUE} if heard else set()

    def close(self) -> None:
        self.waiting = 0


class Silence:
    """A database that carries no hints."""

    def listen(self, *_topics: Topic) -> None:
        return None

    def hint(self, _topic: Topic) -> None:
        raise AssertionError("nobody listens")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    made = Channel()
    monkeypatch.setattr(hints, "backend", lambda: made)
    return made


@pytest.fixture
def heard(channel: Channel, clock: Clock) -> Hints:
    """Hints that have arrived once."""
    made = Hints(Topic.QUEUE, Topic.WORKERS, clock=clock)
    made.open()
    assert made.taken()
    clock.now += GAP_SECONDS
    return made


def test_are_trusted_when_one_of_our_own_has_arrived(channel: Channel, clock: Clock) -> None:
    made = Hints(Topic.QUEUE, Topic.WORKERS, clock=clock)
    made.open()
    assert not made.trusted
    assert made.taken()
    assert made.trusted


def test_are_not_trusted_where_they_do_not_arrive(channel: Channel, clock: Clock) -> None:
    channel.echoes_nothing = True
    made = Hints(Topic.QUEUE, Topic.WORKERS, clock=clock)
    made.open()
    clock.now += 3600
    made.open()
    assert not made.taken()
    assert not made.trusted
    assert channel.opened == 1


def test_are_not_there_on_every_database(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(hints, "backend", Silence)
    made = Hints(Topic.QUEUE, Topic.WORKERS, clock=clock)
    made.open()
    assert (made.taken(), made.trusted, list(made.watched()), made.bounded(9.0)) == (set(), False, [], 9.0)


def test_end_a_pause_by_their_descriptor(heard: Hints, channel: Channel) -> None:
    assert list(heard.watched()) == [7]
    assert not heard.taken()
    channel.waiting = 1
    assert heard.taken()


def test_that_come_in_a_storm_are_heard_once_per_gap(heard: Hints, channel: Channel, clock: Clock) -> None:
    channel.waiting = 1
    assert heard.taken()
    channel.waiting = 1
    assert not heard.taken()
    assert list(heard.watched()) == []
    assert 0 < heard.bounded(10.0) <= GAP_SECONDS
    clock.now += GAP_SECONDS
    assert heard.bounded(10.0) == 10.0
    assert heard.taken()


def test_may_have_been_missed_when_the_connection_is_lost(heard: Hints, channel: Channel, clock: Clock) -> None:
    channel.broken = True
    assert heard.taken() == {Topic.QUEUE, Topic.WORKERS}
    assert not heard.trusted
    assert list(heard.watched()) == []
    assert not heard.taken()
    clock.now += RETRY_SECONDS
    heard.open()
    assert heard.taken()
    assert heard.trusted


def test_are_not_sought_again_and_again(channel: Channel, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    channel.refuses = True
    made = Hints(Topic.QUEUE, Topic.WORKERS, clock=clock)
    for _ in range(5):
        made.open()
        clock.now += 1
    assert channel.opened == 1
    assert [record.getMessage() for record in caplog.records] == ["no hints are heard for now"]
    channel.refuses = False
    clock.now += RETRY_SECONDS
    made.open()
    assert made.taken()
