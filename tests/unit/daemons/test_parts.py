from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from daemons.common import lock as locks
from daemons.common import stop
from daemons.common.arguments import build_parser
from daemons.common.backoff import Backoff
from daemons.common.lock import NameLock, NameTakenError
from daemons.common.memory import resident_mb
from daemons.common.notify import ServiceManager
from daemons.common.signals import Signals
from daemons.common.stop import StopMode
from daemons.common.wait import Waiter
from multiflexi.environ import SettingsError


def test_options_choose_one_cycle_or_the_loop_or_leave_it_to_the_setting() -> None:
    parser = build_parser("executor", "x")
    assert parser.parse_args([]).once is None
    assert parser.parse_args(["--once"]).once is True
    assert parser.parse_args(["--no-daemonize"]).once is True
    assert parser.parse_args(["--daemon"]).once is False
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--once", "--daemon"])


def test_a_name_is_locked_once_and_its_holder_named(tmp_path: Path) -> None:
    first = NameLock(tmp_path / "x.lock", "The scheduler 'h1'")
    second = NameLock(tmp_path / "x.lock", "The scheduler 'h1'")
    first.acquire()
    with pytest.raises(NameTakenError, match=rf"The scheduler 'h1' is already running as process {os.getpid()};"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_lock_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^MULTIFLEXI_RUNTIME: .* cannot be opened: No such file"):
        NameLock(tmp_path / "absent" / "x.lock", "x").acquire()


@pytest.mark.parametrize("name", ["a/b", "..", "", "x y", "-x", "a" * 200, "x\n"])
def test_a_name_that_is_no_file_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.environ, "value", lambda key: name)
    with pytest.raises(SettingsError, match=r"^MULTIFLEXI_SCHEDULER_NAME"):
        locks.instance_name("scheduler")


def test_a_name_given_on_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.environ, "value", lambda key: "from-setting")
    assert locks.instance_name("scheduler") == "from-setting"
    assert locks.instance_name("scheduler", "host@2") == "host@2"


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_everything(tmp_path: Path, abstract: bool) -> None:
    address = f"\0mf-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(5)
        service = ServiceManager({"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "2000000"})
        assert service.watchdog_seconds == 2
        service.status("waiting:\nthe database")
        service.status("waiting: the database")
        service.ready()
        service.alive()
        service.alive()
        service.reloading()
        service.stopping()
        heard = [manager.recv(1000).decode() for _ in range(5)]
    assert heard[:3] == ["STATUS=waiting: the database", "READY=1", "WATCHDOG=1"]
    assert heard[3].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[4] == "STOPPING=1"


def test_a_service_manager_that_is_away_does_no_harm(tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    ServiceManager({}).ready()


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}).watchdog_seconds is None
    assert ServiceManager({"WATCHDOG_USEC": "0"}).watchdog_seconds is None


def test_sleep_lasts_its_time_and_never_less() -> None:
    waiter = Waiter()
    begin = time.monotonic()
    assert waiter.sleep(0.0305) is False
    assert time.monotonic() - begin >= 0.0305
    waiter.close()


def test_a_wake_from_another_thread_ends_the_sleep_once() -> None:
    waiter = Waiter()
    thread = threading.Thread(target=waiter.wake)
    thread.start()
    assert waiter.sleep(30) is True
    thread.join()
    assert waiter.sleep(0.01) is False
    waiter.close()


def test_a_wake_waits_for_the_next_sleep_that_may_be_woken() -> None:
    waiter = Waiter()
    waiter.wake()
    assert waiter.sleep(0.01, wakeable=False) is False
    assert waiter.sleep(30) is True
    waiter.close()


def test_a_readable_descriptor_ends_the_sleep() -> None:
    waiter = Waiter()
    reader, writer = os.pipe()
    assert waiter.sleep(0.01, [reader]) is False
    os.write(writer, b"x")
    assert waiter.sleep(30, [reader]) is True
    for fd in (reader, writer):
        os.close(fd)
    waiter.close()


def test_signals_arrive_as_numbers_in_their_order() -> None:
    waiter = Waiter()
    with Signals() as signals:
        assert signals.take() == []
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert waiter.sleep(30, [signals.fileno()]) is True
        assert signals.take() == [signal.SIGHUP, signal.SIGTERM]
        assert signals.take() == []
    waiter.close()


def test_pauses_double_up_to_the_longest_and_begin_again() -> None:
    backoff = Backoff(first=1, longest=10)
    pauses = [backoff.next() for _ in range(2000)]
    assert all(ceiling / 2 <= seconds <= ceiling for seconds, ceiling in zip(pauses, [1, 2, 4, 8, 10], strict=False))
    assert max(pauses) <= 10
    backoff.reset()
    assert backoff.next() <= 1


def test_the_host_going_down_turns_every_stop_into_a_kill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "systemctl"
    program.write_text('#!/bin/sh\necho "$STATE"\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("multiflexi.environ.value", lambda key: "drain")
    monkeypatch.setenv("STATE", "running")
    assert stop.configured_stop_mode() == StopMode.DRAIN
    monkeypatch.setenv("STATE", "stopping")
    assert stop.configured_stop_mode() == StopMode.HOST
    monkeypatch.setenv("PATH", "/nonexistent")
    assert stop.configured_stop_mode() == StopMode.DRAIN


@pytest.mark.parametrize(
    ("signals", "mode"),
    [
        ("TERM", "configured"),
        ("TERM TERM", "detach"),
        ("INT", "drain"),
        ("INT INT", "kill"),
        ("INT TERM", "detach"),
        ("TERM INT", "kill"),
        ("INT INT TERM", "kill"),
        ("TERM TERM TERM", "detach"),
    ],
)
def test_what_a_sequence_of_signals_leads_to(signals: str, mode: str) -> None:
    for configured in (StopMode.DETACH, StopMode.DRAIN):
        current: StopMode | None = None
        for word in signals.split():
            current = stop.mode_after(signal.Signals[f"SIG{word}"], current, lambda: configured)  # noqa: B023
        assert current == (configured if mode == "configured" else StopMode(mode))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("mode", [StopMode.KILL, StopMode.HOST])
def test_a_kill_stays_a_kill(number: int, mode: StopMode) -> None:
    assert stop.mode_after(number, mode, lambda: StopMode.DRAIN) == mode


def test_the_end_of_the_host_is_no_time_to_detach() -> None:
    assert stop.mode_after(signal.SIGTERM, StopMode.DRAIN, lambda: StopMode.HOST) == StopMode.HOST


def test_our_own_memory_is_known() -> None:
    assert 5 < resident_mb() < 5000
