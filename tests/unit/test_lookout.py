"""When an executor looks at the queue: at due rows, hints and freed places, and else no more often than it must."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from multiflexi.jobs.queue.outlook import Outlook
from multiflexi.runner import lookout
from multiflexi.runner.lookout import Lookout

POLL, LONGEST, PLACES = 0.25, 10.0, 4


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Queue:
    """What the queue would answer, and how often it was asked."""

    asked = 0
    is_due = False
    seconds: float | None = None

    def __call__(self, _modules: object, *, only: int | None = None) -> Outlook:
        self.asked += 1
        return Outlook(self.is_due, self.seconds)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    found = Queue()
    monkeypatch.setattr(lookout, "outlook", found)
    return found


@pytest.fixture
def idle(queue: Queue, clock: Clock, settings: LazySettings) -> Iterator[Lookout]:
    """One whose first claim found nothing."""
    settings.MULTIFLEXI_POLL, settings.MULTIFLEXI_CYCLE_PAUSE = POLL, LONGEST
    made = Lookout(["Native"], clock=clock)
    assert made.finds_work()
    made.claimed(0, PLACES)
    assert made.seconds == 0
    return made


def test_polls_where_nobody_gives_hints(idle: Lookout) -> None:
    assert not idle.finds_work()
    assert idle.seconds == POLL


def test_rests_where_others_give_hints(idle: Lookout, clock: Clock) -> None:
    idle.hinted = True
    assert not idle.finds_work()
    assert idle.seconds == LONGEST
    idle.look_now()
    assert idle.seconds == 0


@pytest.mark.parametrize("hinted", [True, False])
def test_wakes_at_the_instant_of_the_next_row(idle: Lookout, queue: Queue, hinted: bool) -> None:
    idle.hinted = hinted
    queue.seconds = 0.125
    assert not idle.finds_work()
    assert idle.seconds == 0.125


def test_a_pause_of_the_poll_is_never_above_the_longest(idle: Lookout, settings: LazySettings) -> None:
    settings.MULTIFLEXI_CYCLE_PAUSE = 0.1
    assert not idle.finds_work()
    assert idle.seconds == pytest.approx(0.1)


def test_looks_often_while_something_due_cannot_be_taken(idle: Lookout, queue: Queue) -> None:
    idle.hinted = True
    queue.is_due = True
    assert idle.finds_work()
    idle.claimed(0, PLACES)
    assert idle.seconds == POLL


def test_asks_nothing_between_full_claims(idle: Lookout, queue: Queue) -> None:
    queue.is_due = True
    for _ in range(10):
        assert idle.finds_work()
        idle.claimed(PLACES, PLACES)
        assert idle.seconds == 0
    assert queue.asked == 1
    assert idle.finds_work()
    idle.claimed(1, PLACES)
    assert idle.seconds == 0
    idle.finds_work()
    assert queue.asked == 2


def test_rests_when_the_host_cannot_take_jobs(idle: Lookout) -> None:
    idle.rest()
    assert idle.seconds == LONGEST
