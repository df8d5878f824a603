"""What becomes of a running job when its executor, its wrapper, its host or its evidence goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.executors.contract import Alive, Ended, Handle, NeverStarted, Unknown
from multiflexi.executors.native import process, recover
from multiflexi.executors.native.module import Native
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

UNTIL_TOLD = 'echo ready; while [ ! -e go ]; do sleep 0.02; done; echo "done"; exit 42'


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    yield laboratory
    laboratory.close()


def tell(handle: Handle) -> None:
    Path(handle["job_dir"], "go").touch()


def test_a_job_outlives_its_executor_and_is_adopted(lab: Lab) -> None:
    with foreign_executor(lab, "/bin/sh", "-c", UNTIL_TOLD) as (starter, handle):
        assert first_line(handle) == "ready"
        kill_and_collect(starter)
        adopter = Native()
        assert adopter.recover(handle) == Alive(handle)
        assert adopter.poll(handle) is None
        tell(handle)
        ended = lab.end(handle, adopter)
    assert (ended.exit_code, ended.signal) == (42, None)
    assert ended.usage.cpu_seconds is not None
    assert ended.usage.wall_seconds >= 0
    assert output_of(handle) == b"ready\ndone\n"


def test_an_end_without_any_executor_is_found_in_the_spool(lab: Lab) -> None:
    with foreign_executor(lab, "/bin/sh", "-c", UNTIL_TOLD) as (starter, handle):
        assert first_line(handle) == "ready"
        kill_and_collect(starter)
    tell(handle)
    until(lambda: gone(handle["pid"]), "the end of the wrapper")
    ended = Native().recover(handle)
    assert isinstance(ended, Ended)
    assert ended.exit_code == 42
    assert Native().poll(handle).exit_code == 42


def test_an_executor_killed_before_it_could_record_the_pid(lab: Lab) -> None:
    with foreign_executor(lab, "/bin/sh", "-c", UNTIL_TOLD) as (starter, handle):
        assert first_line(handle) == "ready"
        kill_and_collect(starter)
    before_start = {**handle, "pid": None, "pid_started": None}
    assert Native().recover(before_start) == Alive(handle)
    adopter, polled = Native(), dict(before_start)
    assert adopter.poll(polled) is None
    assert polled == handle
    tell(handle)
    assert lab.end(polled, adopter).exit_code == 42


def test_never_started_is_proven_by_taking_the_mark(lab: Lab) -> None:
    plan = lab.plan("/bin/sh", "-c", "touch ran")
    assert Native().recover(plan.handle) == NeverStarted()
    late = lab.native.start(plan)
    lab.handles.append(late)
    assert lab.end(late) == NeverStarted()
    assert not Path(late["job_dir"], "ran").exists()
    assert Native().recover(plan.handle) == NeverStarted()


def test_a_wrapper_killed_alone_loses_the_job_and_ends_the_rest(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", "echo ready; sleep 1000 & setsid sleep 1000 & wait")
    first_line(handle)
    until(lambda: len(job_pids(handle)) == 3, "three processes")
    pids = job_pids(handle)
    os.kill(handle["pid"], signal.SIGKILL)
    lost = lab.end(handle)
    assert isinstance(lost, Unknown)
    assert lost.word == "wrapper_gone"
    assert lost.last_sign is not None
    assert all(gone(pid) for pid in pids)


def test_a_wrapper_killed_while_the_executor_is_away(lab: Lab) -> None:
    with foreign_executor(lab, "/bin/sh", "-c", "echo ready; exec sleep 1000") as (starter, handle):
        first_line(handle)
        kill_and_collect(starter)
    pids = job_pids(handle)
    os.kill(handle["pid"], signal.SIGKILL)
    until(lambda: gone(handle["pid"]), "the death of the wrapper")
    assert pids
    assert not any(gone(pid) for pid in pids)
    lost = Native().recover(handle)
    assert isinstance(lost, Unknown)
    assert lost.word == "wrapper_gone"
    assert all(gone(pid) for pid in pids)


def test_another_boot_loses_what_has_no_exit_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = lab.start("/bin/sh", "-c", "exit 3")
    lab.end(ended)
    running, unstarted = lab.start("/bin/sh", "-c", UNTIL_TOLD), lab.plan("true")
    first_line(running)
    monkeypatch.setattr(process, "boot_id", lambda: "another-kernel:4026531836")
    assert Native().recover(ended).exit_code == 3
    assert Native().recover(running).word == "host_rebooted"
    # A power cut may swallow a mark, so its absence proves nothing on another boot.
    assert Native().recover(unstarted.handle).word == "host_rebooted"
    assert not unstarted.launch.spool.start.exists()


def test_another_namespace_of_the_same_boot(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    running, unstarted = lab.start("/bin/sh", "-c", UNTIL_TOLD), lab.plan("true")
    first_line(running)
    here = process.boot_id()
    monkeypatch.setattr(process, "boot_id", lambda: here.partition(":")[0] + ":1")
    assert Native().recover(running).word == "host_rebooted"
    assert Native().recover(unstarted.handle) == NeverStarted()


def test_a_deleted_spool_is_no_evidence_and_nothing_runs_on(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", UNTIL_TOLD)
    first_line(handle)
    pids = job_pids(handle)
    spool_of(handle).remove()
    assert Native().recover(handle) == Unknown("no_evidence")
    assert pids
    assert all(gone(pid) for pid in pids)


def test_the_living_executor_knows_the_end_even_without_a_spool(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", UNTIL_TOLD)
    first_line(handle)
    spool_of(handle).remove()
    tell(handle)
    ended = lab.end(handle)
    assert isinstance(ended, Ended)
    assert ended.exit_code == 42


def test_an_empty_start_mark_is_given_time_and_then_is_no_evidence(lab: Lab) -> None:
    plan = lab.plan("true")
    plan.launch.spool.start.touch()
    lost = recover.recover(plan.handle, mark_patience=0.1)
    assert isinstance(lost, Unknown)
    assert lost.word == "no_evidence"


def test_a_mark_that_found_no_room_started_nothing(lab: Lab) -> None:
    plan = lab.plan("/bin/sh", "-c", "touch ran")
    plan.launch.spool.start.touch()
    handle = lab.native.start(plan)
    lab.handles.append(handle)
    assert lab.end(handle) == NeverStarted()
    assert not Path(handle["job_dir"], "ran").exists()


def test_half_an_exit_file_does_not_count(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", "echo ready; exec sleep 1000")
    first_line(handle)
    spool_of(handle).exit.write_text("1")
    os.kill(handle["pid"], signal.SIGKILL)
    assert lab.end(handle).word == "wrapper_gone"
    spool_of(handle).exit.write_text("1\n")
    assert Native().recover(handle).exit_code == 1


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A foreign process that leads a session, as one that got the wrapper's pid again would."""
    found = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, env={"PATH": SYSTEM_PATH})
    yield found
    found.kill()
    found.wait()


@pytest.mark.parametrize("pid_recorded", [True, False])
def test_a_used_again_pid_is_neither_adopted_nor_killed(
    lab: Lab, bystander: subprocess.Popen[bytes], pid_recorded: bool
) -> None:
    plan = lab.plan("true")
    plan.launch.spool.start.write_text(f"{bystander.pid}\n")
    theirs = process.look(bystander.pid)
    assert theirs is not None
    recorded = {"pid": bystander.pid, "pid_started": theirs.started - 5}
    handle = {**plan.handle, **recorded} if pid_recorded else plan.handle
    assert Native().recover(handle).word == "wrapper_gone"
    assert bystander.poll() is None
    native = Native()
    stop(native, {**handle, **recorded}, grace=0)
    assert native.poll({**handle, **recorded}).exit_code == 137
    assert native.watch_fd({**handle, **recorded}) is None
    assert bystander.poll() is None


def test_only_this_very_process_is_signalled(bystander: subprocess.Popen[bytes]) -> None:
    found = process.look(bystander.pid)
    assert found is not None
    older = process.Process(found.pid, "S", 1, found.pid, found.pid, found.started - 1)
    assert not process.send(older, signal.SIGKILL)
    assert process.send(found, signal.SIGKILL)
    assert bystander.wait() == -signal.SIGKILL


def test_a_program_with_a_hostile_name_is_read_right(tmp_path: Path) -> None:
    program = tmp_path / ") S 1 (x) R"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "1000"], start_new_session=True) as running:
        found = process.look(running.pid)
        assert found is not None
        assert (found.parent, found.group, found.session) == (os.getpid(), running.pid, running.pid)
        assert 0 <= process.age(found.started) < 60
        running.kill()


def test_signals_to_the_group_reach_the_application_only(lab: Lab) -> None:
    code = (
        "import os, signal, sys, time\n"
        "def told(number, frame):\n"  # Not by print, which fails when it interrupts itself.
        "    os.write(1, b'%d\\n' % number)\n"
        "    if number == signal.SIGTERM: sys.exit(9)\n"
        "for number in (1, 2, 3, 10, 12, 15): signal.signal(number, told)\n"
        "os.write(1, b'ready\\n')\n"
        "while True: time.sleep(0.02)\n"
    )
    handle = lab.python(code)
    assert first_line(handle) == "ready"
    for number in (1, 2, 3, 10, 12, 15):
        os.killpg(handle["pid"], number)
        until(lambda number=number: f"\n{number}\n".encode() in output_of(handle), f"signal {number}")
    ended = lab.end(handle)
    assert (ended.exit_code, ended.signal) == (9, None)


def test_a_default_application_dies_of_term_to_the_group(lab: Lab) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        handle = lab.start("/bin/sh", "-c", "echo ready; exec sleep 1000")
        first_line(handle)
        os.killpg(handle["pid"], number)
        ended = lab.end(handle)
        assert (ended.exit_code, ended.signal, ended.kill_note) == (128 + number, number, None)


def test_a_non_dumpable_executor_starts_and_sees_its_jobs(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from multiflexi.executors.native import process
from multiflexi.executors.native.module import Native
Native().self_check()  # Loads all modules while they can still be read.
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
process.forbid_dumps()
checks = {check.name: check.level for check in Native().self_check()}
assert Path(f"/proc/{os.getpid()}/environ").stat().st_uid == 0
print(checks["start"], process.boot_id())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": SYSTEM_PATH},
    )
    assert done.stdout.split() == ["ok", process.boot_id()], done.stderr
