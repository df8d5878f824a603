"""Configuration as whoever starts a daemon meets it: real processes, real signals, a real notification socket."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

SOURCE_ROOT = Path(__file__).resolve().parents[2]
DAEMON = Path(__file__).with_name("idle_daemon.py")
PATIENCE = 30

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "mf.db").touch()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SOURCE_ROOT),
        "MULTIFLEXI_ENV_FILE": os.devnull,
        "MULTIFLEXI_RUNTIME": str(tmp_path / "run"),
        "DB_CONNECTION": "sqlite",
        "DB_DATABASE": str(tmp_path / "mf.db"),
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(DAEMON), *arguments],
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def manager(tmp_path: Path, environment: dict[str, str]) -> Iterator[socket.socket]:
    """A service manager's notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        channel.bind(environment["NOTIFY_SOCKET"])
        channel.settimeout(PATIENCE)
        yield channel


def wait_for(manager: socket.socket, message: str) -> None:
    while not manager.recv(4096).decode().startswith(message):
        pass


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    pytest.fail(f"the process ended without saying {text!r}")


def refused(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and the only line of a program that refuses to start."""
    out, err = process.communicate(timeout=PATIENCE)
    assert out == ""
    assert len(err.splitlines()) == 1, err
    return process.returncode, err


def test_an_unusable_value_stops_the_program_with_one_line(start: Start) -> None:
    status, line = refused(start(MULTIFLEXI_MAX_PARALLEL="many"))
    assert status == 78
    assert line.startswith("multiflexi-scheduler: MULTIFLEXI_MAX_PARALLEL (environment): 'many' is unusable: it must ")


def test_an_unusable_line_of_the_file_is_named_by_its_number(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mf.env").write_text("# pauses\nMULTIFLEXI_POLL=never\n")
    status, line = refused(start("--environment", str(tmp_path / "mf.env")))
    assert (status, f"MULTIFLEXI_POLL ({tmp_path}/mf.env:2)" in line) == (78, True)


def test_missing_settings_are_named_together(start: Start, environment: dict[str, str]) -> None:
    del environment["DB_CONNECTION"], environment["DB_DATABASE"]
    status, line = refused(start(DB_HOST="db", DB_PORT="1"))
    assert status == 78
    assert "DB_CONNECTION, DB_DATABASE, DB_USERNAME, DB_PASSWORD." in line


def test_a_named_file_must_be_readable(start: Start, tmp_path: Path) -> None:
    status, line = refused(start("--environment", str(tmp_path / "absent.env")))
    assert status == 78
    assert "absent.env cannot be read: No such file or directory" in line


def test_a_secret_is_not_shown_by_its_error(start: Start) -> None:
    status, line = refused(start(DB_SETTINGS="hunter22hunter22"))
    assert (status, "DB_SETTINGS" in line, "hunter22" in line) == (78, True, False)


@pytest.mark.parametrize(("pause", "status"), [("5", 0), ("soon", 1)])
def test_check_config_shows_sources_and_masks_secrets(start: Start, tmp_path: Path, pause: str, status: int) -> None:
    (tmp_path / "mf.env").write_text(f"DB_PASSWORD=hunter22\nMULTIFLEXI_CYCLE_PAUSE={pause}\n")
    process = start("--check-config", "--environment", str(tmp_path / "mf.env"))
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (status, "")
    assert f"DB_PASSWORD=••••••••  ({tmp_path}/mf.env:1)" in out
    assert re.search(r"^DB_CONNECTION=sqlite  \(environment\)$", out, re.MULTILINE)
    assert "hunter22" not in out
    assert ("error: MULTIFLEXI_CYCLE_PAUSE" in out) == bool(status)


def test_a_daemon_reports_ready_and_ends_in_order_on_term(start: Start, manager: socket.socket) -> None:
    process = start()
    wait_for(manager, "READY=1")
    process.send_signal(signal.SIGTERM)
    wait_for(manager, "STOPPING=1")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "closed" in err


def test_one_cycle_ends_by_itself(start: Start) -> None:
    process = start("--once")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_second_process_of_the_same_name_is_refused(start: Start, manager: socket.socket) -> None:
    first = start("--name", "h1")
    wait_for(manager, "READY=1")
    second = start("--name", "h1")
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert err.splitlines()[-1].startswith(
        f"multiflexi-scheduler: The scheduler 'h1' is already running as process {first.pid};"
    )
    third = start("--name", "h2", "--once")
    third.communicate(timeout=PATIENCE)
    assert third.returncode == 0


def test_the_name_is_free_again_after_a_crash(start: Start, manager: socket.socket) -> None:
    first = start("--name", "h1")
    wait_for(manager, "READY=1")
    first.kill()
    first.communicate()
    second = start("--name", "h1", "--once")
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 0


def test_a_daemon_waits_for_its_database_and_tries_again_at_once_on_hup(
    start: Start, manager: socket.socket, tmp_path: Path
) -> None:
    later = tmp_path / "later.db"
    process = start(DB_DATABASE=str(later))
    line = read_until(process, "level=error")
    assert f"there is no file {later}; make it with multiflexi-cli setup or correct DB_DATABASE" in line
    wait_for(manager, "STATUS=waiting: there is no such database")
    assert not later.exists()
    later.touch()
    process.send_signal(signal.SIGHUP)
    wait_for(manager, "READY=1")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_term_ends_a_daemon_that_waits_for_its_database(start: Start, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mf.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        process = start(DB_SETTINGS="timeout=0", DB_PASSWORD="hunter22")
        line = read_until(process, "level=error")
        assert "the database cannot be used" in line
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert time.monotonic() - begin < 5
    assert "hunter22" not in line + err


def test_hup_takes_new_settings_over_and_keeps_the_old_ones_when_they_are_wrong(
    start: Start, manager: socket.socket, tmp_path: Path
) -> None:
    file = tmp_path / "mf.env"
    file.write_text("MULTIFLEXI_STOP_MODE=detach\n")
    # As the service manager does with EnvironmentFile=: the same value is also in the process environment.
    process = start("--environment", str(file), MULTIFLEXI_STOP_MODE="detach")
    wait_for(manager, "READY=1")
    file.write_text("MULTIFLEXI_STOP_MODE=drain\n")
    process.send_signal(signal.SIGHUP)
    wait_for(manager, "RELOADING=1")
    assert "changed=MULTIFLEXI_STOP_MODE" in read_until(process, "message=reloaded")
    file.write_text("MULTIFLEXI_STOP_MODE=maybe\n")
    process.send_signal(signal.SIGHUP)
    assert f"{file}:1" in read_until(process, "the settings stay as they are")
    assert process.poll() is None


def test_a_logged_secret_is_masked(start: Start, manager: socket.socket) -> None:
    process = start(DB_PASSWORD="correct horse battery")
    wait_for(manager, "READY=1")
    process.send_signal(signal.SIGUSR1)
    line = read_until(process, "database password is")
    assert "••••••••" in line
    assert "horse" not in line


def test_json_lines_name_daemon_and_instance(start: Start, manager: socket.socket) -> None:
    process = start("--name", "h1", MULTIFLEXI_LOG_FORMAT="json")
    wait_for(manager, "READY=1")
    line = read_until(process, "starts, version")
    assert '"daemon": "scheduler", "instance": "h1"' in line


def test_the_reference_page_can_be_printed_anywhere(environment: dict[str, str], tmp_path: Path) -> None:
    page = subprocess.run(
        [sys.executable, "-m", "multiflexi.environ"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert page.startswith("# Settings\n")
    assert "| `MULTIFLEXI_LEASE_SECONDS` | seconds, ≥ 5 | `60` | length of a lease |" in page
