from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.backends.signals import connection_created

from daemons.common.backoff import Backoff
from daemons.common.driver import Driver
from daemons.common.notify import ServiceManager
from daemons.common.stop import StopMode
from daemons.common.wait import Waiter
from multiflexi.environ import SettingsError
from multiflexi.vault.errors import MasterKeyMissing, MasterKeyWrong

Step = Callable[[], float | None]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Sleeper(Waiter):
    """Sleeps by moving the clock; a signal that has come ends the sleep as it would in poll(2)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.fake_clock = clock
        self.slept: list[float] = []
        self.watched: list[list[int]] = []

    def sleep(self, seconds: float, fds: Iterable[int] = (), *, wakeable: bool = True) -> bool:
        fds = list(fds)
        self.watched.append(fds)
        if super().sleep(0, fds, wakeable=wakeable):
            self.slept.append(0)
            return True
        self.slept.append(seconds)
        self.fake_clock.now += seconds
        return False


class Manager(ServiceManager):
    def __init__(self) -> None:
        super().__init__({"NOTIFY_SOCKET": "fake"})
        self.sent: list[str] = []

    def _send(self, message: str) -> None:
        self.sent.append(message.partition("\n")[0])


class FakeLoop:
    """Plays the given steps, one per cycle; None as a step's result, or stop(), ends it."""

    role = "scheduler"

    def __init__(self, *steps: Step, needs: float = 0) -> None:
        self.steps = list(steps)
        self.needs = needs
        self.calls: list[Any] = []
        self.tended = 0
        self.clock = Clock()
        self.ran_at: list[float] = []
        self.ended = False

    @property
    def pauses(self) -> list[float]:
        """Between the cycles."""
        return [later - earlier for earlier, later in pairwise(self.ran_at)]

    def start(self) -> None:
        self.calls.append("start")

    def run_once(self) -> float | None:
        self.calls.append("run")
        self.ran_at.append(self.clock())
        if self.steps:
            return self.steps.pop(0)()
        return None

    def tend(self) -> None:
        self.tended += 1

    def stop(self, mode: StopMode) -> float:
        self.calls.append(mode.value)
        return self.needs

    def close(self) -> None:
        self.calls.append("close")

    def reload(self, changed: Sequence[str]) -> None:
        self.calls.append(("reload", list(changed)))

    def dump(self) -> None:
        self.calls.append("dump")

    def watched(self) -> Iterable[int]:
        return ()


class Stage:
    """A driver with fake time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sleeper = Sleeper(self.clock)
        self.manager = Manager()

    def drive(self, loop: FakeLoop, **options: Any) -> int:
        loop.clock = self.clock
        return Driver(
            loop, clock=self.clock, waiter=self.sleeper, manager=self.manager, backoff=Backoff(), **options
        ).run()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def pause(seconds: float) -> Step:
    return lambda: seconds


def fail(error: Exception) -> Step:
    def step() -> float:
        raise error

    return step


def send(number: int, seconds: float = 60) -> Step:
    def step() -> float:
        os.kill(os.getpid(), number)
        return seconds

    return step


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


GONE = OperationalError("server closed the connection unexpectedly")


def test_cycles_run_with_the_pauses_the_loop_asks_for(stage: Stage) -> None:
    loop = FakeLoop(pause(5), pause(0), pause(1.5))
    assert stage.drive(loop) == 0
    assert loop.calls == ["start", "run", "run", "run", "run", "close"]
    assert stage.sleeper.slept == [5, 0, 1.5]
    assert [message for message in stage.manager.sent if "STATUS" not in message] == ["READY=1", "STOPPING=1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_pause_and_the_loop_gets_one_more_cycle(stage: Stage, number: int) -> None:
    loop = FakeLoop(send(number))
    assert stage.drive(loop) == 0
    mode = "detach" if number == signal.SIGTERM else "drain"
    assert loop.calls == ["start", "run", mode, "run", "close"]
    assert stage.sleeper.slept == [0]


def test_a_second_interrupt_kills_and_a_second_term_detaches(stage: Stage) -> None:
    loop = FakeLoop(send(signal.SIGINT), send(signal.SIGINT), needs=300)
    stage.drive(loop)
    assert loop.calls == ["start", "run", "drain", "run", "kill", "run", "close"]
    loop = FakeLoop(send(signal.SIGTERM), send(signal.SIGTERM), needs=300)
    stage.drive(loop, term_mode=lambda: StopMode.DRAIN)
    assert loop.calls == ["start", "run", "drain", "run", "detach", "run", "close"]


def test_draining_goes_on_until_the_loop_says_it_is_done(stage: Stage) -> None:
    loop = FakeLoop(send(signal.SIGINT), *[pause(10)] * 5, needs=300)
    assert stage.drive(loop) == 0
    assert loop.calls.count("run") == 7
    assert "EXTEND_TIMEOUT_USEC=306000000" in stage.manager.sent


def test_a_loop_that_does_not_end_in_time_is_left(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    loop = FakeLoop(send(signal.SIGTERM), *[pause(60)] * 100)
    assert stage.drive(loop) == 0
    assert stage.clock.now - 1000 <= 5
    assert "did not come to an end in time" in caplog.text


def test_one_cycle_then_drain(stage: Stage) -> None:
    loop = FakeLoop(pause(60))
    assert stage.drive(loop, once=True) == 0
    assert loop.calls == ["start", "run", "drain", "run", "close"]
    assert stage.sleeper.slept == []


def test_one_cycle_that_cannot_reach_the_database_fails(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    loop = FakeLoop(*[fail(GONE)] * 10)
    assert stage.drive(loop, once=True) == 1
    assert loop.calls == ["start", "run", "run", "close"]
    assert "server closed the connection" in caplog.text


def test_a_connection_that_died_while_idle_costs_nothing_but_a_second_try(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert stage.drive(FakeLoop(fail(GONE), pause(1))) == 0
    assert stage.sleeper.slept == [0, 1]
    assert [record for record in caplog.records if record.name.endswith("health")] == []


def test_a_lost_database_is_waited_for_and_told_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loop = FakeLoop(*[fail(GONE)] * 40, pause(1))
    assert stage.drive(loop) == 0
    pauses = loop.pauses[1:-1]
    assert len(pauses) == 39
    assert all(15 <= seconds <= 30 for seconds in pauses[10:])
    assert 0.25 <= pauses[0] <= 0.5
    assert len(set(pauses)) > 30
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("health")]
    assert len(lines) == 2
    assert "database cannot be used" in lines[0]
    assert lines[1].startswith("cycles succeed again after")
    assert any(message.startswith("STATUS=waiting: the database") for message in stage.manager.sent)
    assert stage.manager.sent[-2] == "STATUS=running"


def test_what_needs_no_database_goes_on_every_second_while_it_is_away(stage: Stage) -> None:
    loop = FakeLoop(*[fail(GONE)] * 20, pause(1))
    stage.drive(loop)
    assert abs(loop.tended - sum(loop.pauses[:-1])) < 20


def test_a_database_that_can_be_reached_is_not_waited_for_long(stage: Stage) -> None:
    def reached_and_lost() -> float:
        connection_created.send(object, connection=None)
        raise GONE

    loop = FakeLoop(*[reached_and_lost] * 20, *[fail(GONE)] * 20)
    stage.drive(loop)
    assert max(loop.pauses[:20]) <= 1
    assert max(loop.pauses[20:]) > 5


def test_a_second_outage_begins_with_short_pauses_again(stage: Stage) -> None:
    stage.drive(FakeLoop(*[fail(GONE)] * 20, pause(7), *[fail(GONE)] * 2))
    assert stage.sleeper.slept[-1] <= 0.5


def test_readiness_is_withheld_until_the_start_succeeds(stage: Stage) -> None:
    failures = [GONE, GONE, GONE]

    class Late(FakeLoop):
        def start(self) -> None:
            super().start()
            if failures:
                assert "READY=1" not in stage.manager.sent
                raise failures.pop()

    loop = Late()
    assert stage.drive(loop) == 0
    assert loop.calls == ["start", "start", "start", "start", "run", "close"]
    assert "READY=1" in stage.manager.sent


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OperationalError(1045, "Access denied for user 'mf'@'h'"), "correct DB_USERNAME and DB_PASSWORD"),
        (OperationalError('FATAL:  password authentication failed for user "mf"'), "DB_PASSWORD"),
        (OperationalError(1049, "Unknown database 'mf'"), "correct DB_DATABASE"),
        (OperationalError('FATAL:  database "mf" does not exist'), "correct DB_DATABASE"),
        (OperationalError("unable to open database file"), "correct DB_DATABASE"),
        (OperationalError("no such table: job"), "run multiflexi-cli setup"),
        (MasterKeyMissing("no master key is configured; set ENCRYPTION_MASTER_KEY"), "set ENCRYPTION_MASTER_KEY"),
        (MasterKeyWrong("another master key"), "secrets cannot be sealed or opened: another master key"),
        (ImproperlyConfigured("the name is too long"), "the settings cannot be used: the name is too long"),
    ],
)
def test_what_does_not_heal_by_itself_says_the_way_out_and_is_tried_slowly(
    stage: Stage, caplog: pytest.LogCaptureFixture, error: Exception, words: str
) -> None:
    loop = FakeLoop(*[fail(error)] * 3)
    stage.drive(loop)
    assert words in caplog.text
    assert [record.exc_info for record in errors(caplog)] == [None]
    assert loop.pauses == [60, 60, 60]


def test_a_bug_is_told_with_its_traceback_and_the_daemon_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    assert stage.drive(FakeLoop(fail(KeyError("x")), fail(KeyError("x")), pause(1))) == 0
    assert len(errors(caplog)) == 1
    assert errors(caplog)[0].exc_info is not None


def test_while_the_database_is_away_waiting_children_do_not_end_the_pause(stage: Stage) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"x")

    class Watching(FakeLoop):
        def watched(self) -> Iterable[int]:
            return [reader]

    stage.drive(Watching(pause(9), *[fail(GONE)] * 3, pause(8)))
    assert stage.sleeper.slept[0] == 0
    assert all(seconds > 0 for seconds in stage.sleeper.slept[2:4])
    assert stage.sleeper.slept[-1] == 0
    os.close(reader)
    os.close(writer)


def test_a_stop_during_an_outage_ends_within_five_seconds(stage: Stage) -> None:
    def gone_and_stopped() -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        raise GONE

    asked: list[float] = []

    class Loop(FakeLoop):
        def stop(self, mode: StopMode) -> float:
            asked.append(stage.clock.now)
            return super().stop(mode)

    loop = Loop(*[fail(GONE)] * 6, gone_and_stopped, *[fail(GONE)] * 1000)
    assert stage.drive(loop) == 0
    assert stage.clock.now - asked[0] <= 5
    assert loop.calls[-1] == "close"
    assert loop.calls[loop.calls.index("detach") :].count("run") >= 5


def test_hints_from_other_threads_do_not_shorten_the_wait_for_the_database(stage: Stage) -> None:
    def hinted() -> float:
        stage.sleeper.wake()
        raise GONE

    stage.drive(FakeLoop(fail(GONE), *[hinted] * 3, pause(1)))
    assert all(seconds > 0 for seconds in stage.sleeper.slept[1:4])


def test_a_stop_before_the_start_succeeded_ends_at_once(stage: Stage) -> None:
    class Never(FakeLoop):
        def start(self) -> None:
            super().start()
            os.kill(os.getpid(), signal.SIGTERM)
            raise GONE

    loop = Never()
    assert stage.drive(loop) == 0
    assert loop.calls == ["start", "detach"]


def test_reload_takes_the_settings_over_and_tells_the_loop(stage: Stage) -> None:
    loop = FakeLoop(send(signal.SIGHUP))
    stage.drive(loop, reload=lambda: ["MULTIFLEXI_POLL"])
    assert ("reload", ["MULTIFLEXI_POLL"]) in loop.calls
    assert [message for message in stage.manager.sent if "STATUS" not in message] == [
        "READY=1",
        "RELOADING=1",
        "READY=1",
        "STOPPING=1",
    ]


def test_an_unusable_file_at_reload_changes_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> list[str]:
        raise SettingsError("MULTIFLEXI_POLL (x:1): unusable")

    loop = FakeLoop(send(signal.SIGHUP))
    stage.drive(loop, reload=refuse)
    assert "MULTIFLEXI_POLL (x:1): unusable" in caplog.text
    assert loop.calls == ["start", "run", "run", "close"]


def test_usr1_asks_the_loop_to_report_itself(stage: Stage) -> None:
    loop = FakeLoop(send(signal.SIGUSR1))
    stage.drive(loop)
    assert loop.calls == ["start", "run", "dump", "run", "close"]


def test_too_much_memory_detaches(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    loop = FakeLoop(pause(1), pause(1))
    assert stage.drive(loop, memory_limit_mb=lambda: 1) == 0
    assert loop.calls == ["start", "run", "detach", "run", "run", "close"]
    assert "MULTIFLEXI_MEMORY_LIMIT_MB=1" in caplog.text


def test_the_watchdog_is_fed_during_long_pauses(stage: Stage) -> None:
    stage.manager = Manager()
    stage.manager.watchdog_seconds = 20
    stage.manager._clock = stage.clock
    stage.drive(FakeLoop(pause(60)))
    assert stage.sleeper.slept == [5] * 12
    assert stage.manager.sent.count("WATCHDOG=1") >= 12


def test_a_drain_without_limit_lasts_as_long_as_it_takes(stage: Stage) -> None:
    loop = FakeLoop(send(signal.SIGINT), *[pause(3600)] * 50, needs=math.inf)
    assert stage.drive(loop) == 0
    assert loop.calls.count("run") == 52


def test_signal_handlers_are_given_back(stage: Stage) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stage.drive(FakeLoop())
    assert signal.getsignal(signal.SIGTERM) is before
