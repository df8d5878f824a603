"""All daemons under one command: what the supervisor passes on, starts again and gives up."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemons.all import local_state

ROOT = Path(__file__).resolve().parents[2]
SUPERVISE = "import sys; from daemons.all.supervisor import Supervisor; sys.exit(Supervisor(eval(sys.argv[1])).run())"
# Says which signals arrive and ends at the second SIGINT with 0, at SIGTERM with 7. Not by print, which fails when a
# signal interrupts it.
LISTENER = """
import os, signal, sys
count = 0
def interrupted(number, frame):
    global count
    count += 1
    os.write(1, b"interrupt %d\\n" % count)
    if count == 2:
        sys.exit(0)
signal.signal(signal.SIGINT, interrupted)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
signal.signal(signal.SIGHUP, lambda number, frame: os.write(1, b"hangup\\n"))
os.write(1, b"pid %d\\n" % os.getpid())
while True:
    signal.pause()
"""
Start = Callable[[dict[str, list[str]]], "subprocess.Popen[str]"]


@pytest.fixture
def supervise() -> Iterator[Start]:
    """Start a supervisor of commands in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(commands: dict[str, list[str]]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, repr(commands)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _listener() -> list[str]:
    return [sys.executable, "-c", LISTENER]


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _pid(process: subprocess.Popen[str]) -> int:
    word, number = _line(process).split()
    assert word == "pid"
    return int(number)


def test_every_interrupt_reaches_the_daemons_exactly_once(supervise: Start):
    supervisor = supervise({"one": _listener()})
    pid = _pid(supervisor)
    assert os.getpgid(pid) == pid  # the terminal's Ctrl-C does not reach it a second time
    supervisor.send_signal(signal.SIGINT)
    assert _line(supervisor) == "interrupt 1"
    supervisor.send_signal(signal.SIGINT)
    assert _line(supervisor) == "interrupt 2"
    assert supervisor.wait(30) == 0


def test_a_killed_daemon_is_started_again(supervise: Start):
    supervisor = supervise({"one": _listener()})
    first = _pid(supervisor)
    os.kill(first, signal.SIGKILL)
    assert _pid(supervisor) != first


def test_a_hangup_is_passed_on_without_a_terminal(supervise: Start):
    supervisor = supervise({"one": _listener()})
    _pid(supervisor)
    supervisor.send_signal(signal.SIGHUP)
    assert _line(supervisor) == "hangup"
    assert supervisor.poll() is None


def test_a_daemon_that_cannot_start_ends_everything_with_its_status(supervise: Start):
    supervisor = supervise({"good": _listener(), "bad": [sys.executable, "-c", "raise SystemExit(78)"]})
    assert supervisor.wait(30) == 78


def test_settings_are_made_once_for_the_owner_alone(tmp_path: Path):
    file = local_state.ensure(tmp_path / "state")
    first = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert local_state.ensure(tmp_path / "state") == file
    assert file.read_text() == first
    assert local_state.ensure(tmp_path / "other").read_text() != first


def test_an_installation_is_closed_to_other_people(tmp_path: Path):
    existing = tmp_path / "existing"
    existing.mkdir(mode=0o755)
    local_state.ensure(existing)
    local_state.ensure(tmp_path / "new" / "deep")
    for directory in (existing, tmp_path / "new", tmp_path / "new" / "deep"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700, directory


def test_a_place_of_everybody_is_no_installation(tmp_path: Path):
    tmp_path.chmod(0o1777)
    with pytest.raises(local_state.LocalStateError, match="belongs to everybody"):
        local_state.ensure(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_settings_of_another_installation_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DB_PASSWORD", "of-another")
    monkeypatch.setenv("ENCRYPTION_MASTER_KEY", "of-another")
    monkeypatch.setenv("MULTIFLEXI_TMP", "/of/another")
    passed = local_state.environment(tmp_path / "multiflexi.env")
    assert "of-another" not in passed.values()
    assert "MULTIFLEXI_TMP" not in passed
    assert passed["PATH"] == os.environ["PATH"]


def test_the_platform_runs_from_nothing_and_ends_orderly(tmp_path: Path):
    settings = local_state.ensure(tmp_path / "state")
    settings.write_text(settings.read_text().replace("127.0.0.1:8000", "127.0.0.1:0"))
    command = [sys.executable, "-m", "daemons.all", "--state", str(settings.parent)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as platform:
        assert platform.stderr
        waited = {"daemon=scheduler", "daemon=executor", "daemon=web"}
        said = []
        for line in platform.stderr:
            said.append(line)
            waited -= {word for word in waited if word in line and (" starts" in line or " is ready at" in line)}
            if not waited:
                break
        platform.send_signal(signal.SIGINT)
        rest = platform.stderr.read()
        assert platform.wait(60) == 0, rest
    assert not waited
    assert "serves at http://127.0.0.1:0/" in "".join(said)
    assert (tmp_path / "state" / "multiflexi.sqlite3").exists()
    for path in (tmp_path / "state").rglob("*"):
        assert not path.stat().st_mode & stat.S_IRWXO, path
