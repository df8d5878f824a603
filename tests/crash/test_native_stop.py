"""Ending whole jobs: reason first, then every process, whatever it does to stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.executors.contract import Alive, Ended, Handle, StopState
from multiflexi.executors.native.module import Native
from multiflexi.executors.native.tree import Tree
from tests.crash.native_jobs import (
    SYSTEM_PATH,
    Lab,
    first_line,
    foreign_executor,
    gone,
    job_pids,
    kill_and_collect,
    output_of,
    spool_of,
    stop,
    until,
)

DEAF = "trap '' TERM HUP INT; echo ready; while :; do sleep 0.05; done"

HOSTILE = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)

def flee(name, *, session, clean=False, twice=True):
    if os.fork():
        return
    if session:
        os.setsid()
    if twice and os.fork():
        os._exit(0)
    with open(name, "w") as file:
        file.write(f"{os.getpid()}\\n")
    if clean:
        os.execve(sys.executable, [sys.executable, "-c", "import signal, time\\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\ntime.sleep(1000)"], {})
    time.sleep(1000)

flee("double", session=False)
flee("daemon", session=True)
flee("grandchild", session=False, twice=False)
flee("clean", session=False, clean=True)
for name in ("double", "daemon", "grandchild", "clean"):
    while not (os.path.exists(name) and os.path.getsize(name)):
        time.sleep(0.01)
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    yield laboratory
    laboratory.close()


def progress_to_end(native: Native, handle: Handle) -> None:
    until(lambda: native.stop_progress(handle).done, "the stop")


def test_a_willing_job_ends_within_its_grace_and_reports_itself(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.02; done")
    first_line(handle)
    state = stop(lab.native, handle, grace=60)
    assert state.done or state.again > 0
    ended = lab.end(handle)
    assert isinstance(ended, Ended)
    assert (ended.exit_code, ended.signal) == (5, None)
    assert (ended.kill_note.reason, ended.kill_note.detail) == ("terminated", "stopped")
    assert (ended.kill_note.who, ended.kill_note.why) == ("user:1", "asked for")
    assert output_of(handle) == b"ready\nbye\n"


def test_the_note_is_on_disk_before_the_first_signal(lab: Lab) -> None:
    code = (
        "import os, signal, sys, time\n"
        "def told(number, frame):\n"  # Not by print, which fails when it interrupts itself.
        "    os.write(1, b'%d\\n' % os.path.getsize(sys.argv[1]))\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, told)\n"
        "os.write(1, b'ready\\n')\n"
        "while True: time.sleep(0.02)\n"
    )
    launch = lab.launch(sys.executable, "-c", code)
    launch.argv.append(str(launch.spool.kill))
    handle = lab.native.start(lab.native.prepare(launch))
    lab.handles.append(handle)
    first_line(handle)
    stop(lab.native, handle, reason="timeout")
    assert lab.end(handle).kill_note.reason == "timeout"
    assert int(output_of(handle).removeprefix(b"ready\n")) > 0


def test_a_deaf_job_is_killed_after_its_grace_and_the_wrapper_reports_it(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", DEAF)
    first_line(handle)
    began = time.monotonic()
    assert not stop(lab.native, handle, grace=0.3).done
    progress_to_end(lab.native, handle)
    assert time.monotonic() - began >= 0.3
    ended = lab.end(handle)
    assert (ended.exit_code, ended.signal, ended.kill_note.grace) == (137, signal.SIGKILL, 0.3)
    assert spool_of(handle).read_exit().code == 137


def test_no_process_of_a_hostile_job_survives(lab: Lab) -> None:
    handle = lab.python(HOSTILE)
    first_line(handle)
    fled = {
        name: int(Path(handle["job_dir"], name).read_text()) for name in ("double", "daemon", "grandchild", "clean")
    }
    assert set(fled.values()) <= job_pids(handle)
    stop(lab.native, handle, grace=0.1)
    progress_to_end(lab.native, handle)
    assert {name: gone(pid) for name, pid in fled.items()} == dict.fromkeys(fled, True)
    assert lab.end(handle).exit_code == 137


def test_a_descendant_without_any_mark_is_remembered_when_its_parent_dies_first(lab: Lab) -> None:
    code = (
        "import os, signal, sys, time\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    os.execve('/bin/sleep', ['sleep', '1000'], {})\n"
        "while b'sleep' not in open(f'/proc/{child}/cmdline', 'rb').read(): time.sleep(0.01)\n"
        "print(child, flush=True); time.sleep(1000)\n"
    )
    handle = lab.python(code)
    child = int(first_line(handle))
    stop(lab.native, handle, grace=60)
    until(lambda: gone(handle["pid"]), "the end of the wrapper")
    assert not gone(child)
    stop(lab.native, handle, grace=0)
    progress_to_end(lab.native, handle)
    assert gone(child)
    assert lab.end(handle).exit_code == 143


def test_a_daemon_that_outlives_its_application_delays_the_end_of_a_stop(lab: Lab) -> None:
    code = HOSTILE.replace(
        'print("ready", flush=True)\ntime.sleep(1000)',
        "signal.signal(15, signal.SIG_DFL)\nprint('ready', flush=True)\nsignal.pause()",
    )
    handle = lab.python(code)
    first_line(handle)
    stop(lab.native, handle, grace=60)
    until(lambda: gone(handle["pid"]), "the end of the wrapper")
    assert lab.native.poll(handle) is None
    assert job_pids(handle)
    stop(lab.native, handle, grace=0)
    progress_to_end(lab.native, handle)
    assert not job_pids(handle)
    assert lab.end(handle).exit_code == 143


def test_a_job_that_forks_without_end_is_ended(lab: Lab) -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(15, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "end = time.monotonic() + 60\n"
        "if os.fork(): time.sleep(1000)\n"
        "while time.monotonic() < end:\n"
        "    if os.fork(): os._exit(0)\n"
    )
    handle = lab.python(code)
    first_line(handle)
    stop(lab.native, handle, grace=0)
    progress_to_end(lab.native, handle)
    assert not job_pids(handle)
    assert isinstance(lab.end(handle), Ended)


def test_a_stopped_process_can_obey(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", "trap 'exit 4' TERM; echo ready; while :; do sleep 0.02; done")
    first_line(handle)
    os.killpg(handle["pid"], signal.SIGSTOP)
    stop(lab.native, handle, grace=60)
    assert lab.end(handle).exit_code == 4


def test_without_a_grace_at_all_nothing_is_killed(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", DEAF)
    first_line(handle)
    stop(lab.native, handle, grace=None)
    assert lab.native.stop_progress(handle) == StopState(False, 1, 0.05)
    assert not gone(handle["pid"])
    stop(lab.native, handle, grace=0, reason="timeout")
    progress_to_end(lab.native, handle)
    note = lab.end(handle).kill_note
    assert (note.reason, note.grace) == ("terminated", 0)


def test_the_next_executor_carries_a_stop_on(lab: Lab) -> None:
    with foreign_executor(lab, "/bin/sh", "-c", DEAF) as (starter, handle):
        first_line(handle)
        kill_and_collect(starter)
    stop(Native(), handle, grace=0.4, reason="timeout")
    began = spool_of(handle).read_kill_note().boot_seconds
    adopter = Native()
    assert adopter.recover(handle) == Alive(handle)
    assert adopter.poll(handle) is None
    progress_to_end(adopter, handle)
    assert time.clock_gettime(time.CLOCK_BOOTTIME) - began >= 0.4
    ended = adopter.poll(handle)
    assert (ended.exit_code, ended.kill_note.reason) == (137, "timeout")


def test_a_job_killed_with_its_wrapper_counts_as_ended_by_us(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", DEAF)
    first_line(handle)
    stop(lab.native, handle, grace=60)
    os.killpg(handle["pid"], signal.SIGKILL)
    until(lambda: gone(handle["pid"]), "the death of the wrapper")
    ended = Native().recover(handle)
    assert (ended.exit_code, ended.signal, ended.kill_note.reason) == (137, signal.SIGKILL, "terminated")
    assert lab.end(handle).kill_note == ended.kill_note


def test_a_job_that_ended_by_itself_gets_no_note(lab: Lab) -> None:
    handle = lab.start("true")
    until(lambda: spool_of(handle).read_exit(), "the exit file")
    assert stop(lab.native, handle).done
    ended = lab.end(handle)
    assert (ended.exit_code, ended.kill_note) == (0, None)


def test_a_full_disk_does_not_keep_a_job_alive(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    handle = lab.start("/bin/sh", "-c", DEAF)
    first_line(handle)
    monkeypatch.setattr("multiflexi.jobs.spool.SpoolDir.write_kill_note", full)
    stop(lab.native, handle, grace=0, reason="timeout")
    progress_to_end(lab.native, handle)
    assert lab.end(handle).kill_note.reason == "timeout"


def test_a_job_of_the_same_number_in_another_installation_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    handle = lab.start("/bin/sh", "-c", DEAF)
    first_line(handle)
    env = {"PATH": SYSTEM_PATH, "MULTIFLEXI_JOB_ID": str(handle["job_id"])}
    theirs = subprocess.Popen(["sleep", "1000"], env=env | {"MULTIFLEXI_TMP": str(tmp_path / "theirs")})
    ours = subprocess.Popen(["sleep", "1000"], env=env)
    try:
        until(lambda: ours.pid in job_pids(handle), "the start of a carrier of the number")
        assert Tree(handle).kill_until_gone(20)
        assert ours.wait(20) == -signal.SIGKILL
        assert theirs.poll() is None
    finally:
        for running in (theirs, ours):
            running.kill()
            running.wait()


def test_the_executor_never_ends_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = lab.plan("true")
    code = (
        "import json, os, sys; from multiflexi.executors.native.tree import Tree\n"
        "tree = Tree(json.loads(sys.argv[1]))\n"
        "print(tree.kill_until_gone(5), os.getpid() in {found.pid for found in tree.members()})"
    )
    import json

    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(plan.handle)],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "MULTIFLEXI_JOB_ID": str(plan.handle["job_id"])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True False\n", done.stderr
