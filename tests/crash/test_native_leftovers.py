"""What is left of a job whose application has ended by itself, and what is left of one that is isolated."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.executors.contract import Ended, Handle, Limits, Sandbox, StartRefused
from multiflexi.executors.native import process, sandbox
from multiflexi.executors.native.module import Native
from multiflexi.executors.native.tree import Tree
from tests.crash.native_jobs import (
    SYSTEM_PATH,
    Lab,
    first_line,
    foreign_executor,
    gone,
    identified,
    kill_and_collect,
    spool_of,
    stop,
    until,
)
from tests.needs import needs

# Forks twice into a session of its own, without environment; holds the pipe that its parent's parent reads from.
SHAKE_OFF = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pipe, kept = os.pipe()
os.set_inheritable(kept, True)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    with open("fled", "w") as file:
        file.write(f"{os.getpid()}\\n")
    os.execve("/bin/sleep", ["sleep", "1000"], {})
os.wait()
while not (os.path.exists("fled") and os.path.getsize("fled")):
    time.sleep(0.01)
print("ready", flush=True)
"""
needs_walls = needs(not sandbox.missing_tools("isolated"), "bubblewrap is not installed")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    yield laboratory
    laboratory.close()


def fled(handle: Handle) -> int:
    return int(Path(handle["job_dir"], "fled").read_text())


def test_a_background_process_ends_with_its_application(lab: Lab) -> None:
    handle = lab.start("/bin/sh", "-c", "sleep 1000 & echo $!; exit 3")
    ended = lab.end(handle)
    assert (ended.exit_code, ended.kill_note) == (3, None)
    assert gone(int(first_line(handle)))


def test_a_deaf_background_process_is_killed(lab: Lab) -> None:
    script = "(trap '' TERM; echo ready; exec sleep 1000) & while [ ! -s x ]; do sleep 0.1; done"
    handle = lab.start("/bin/sh", "-c", script)
    first_line(handle)
    Path(handle["job_dir"], "x").write_text("go")
    assert lab.end(handle).exit_code == 0
    assert not Tree(handle).members()


def test_what_outlived_its_application_without_an_executor_is_ended_by_the_next_one(lab: Lab) -> None:
    script = "setsid sleep 1000 & echo $!; while [ ! -e go ]; do sleep 0.02; done"
    with foreign_executor(lab, "/bin/sh", "-c", script) as (starter, handle):
        child = int(first_line(handle))
        kill_and_collect(starter)
    Path(handle["job_dir"], "go").touch()
    until(lambda: gone(handle["pid"]), "the end of the wrapper")
    assert not gone(child)
    ended = Native().recover(handle)
    assert isinstance(ended, Ended)
    assert ended.exit_code == 0
    assert gone(child)


def test_a_foreign_group_with_the_number_of_an_ended_wrapper_is_left_alone(lab: Lab) -> None:
    handle = lab.start("true")
    lab.end(handle)
    with subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, env={"PATH": SYSTEM_PATH}) as theirs:
        forged = {**handle, "pid": theirs.pid, "pid_started": process.look(theirs.pid).started - 3}
        assert not Tree(forged).remains(thorough=True)
        assert Native().recover(forged).exit_code == 0
        stop(Native(), forged, grace=0)
        assert theirs.poll() is None
        theirs.kill()


@pytest.mark.parametrize("stopped", [False, True])
def test_a_process_without_any_mark_is_found_only_while_its_ancestors_live(lab: Lab, stopped: bool) -> None:
    """The documented hole: neither group, session, descent nor environment tell of it, so it outlives its job."""
    handle = lab.python(SHAKE_OFF + ("time.sleep(1000)" if stopped else ""))
    first_line(handle)
    until(lambda: b"sleep" in b"".join(process.command(fled(handle))), "the change of its environment")
    if stopped:
        stop(lab.native, handle, grace=0)
        until(lambda: lab.native.stop_progress(handle).done, "the stop")
    lab.end(handle)
    found = process.look(fled(handle))
    assert found is not None
    assert not found.dead
    os.kill(found.pid, 9)


@needs_walls
@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_of_an_isolated_job_outlives_it(lab: Lab, stopped: bool) -> None:
    code = SHAKE_OFF + "while not os.path.exists('go'): time.sleep(0.01)"
    handle = lab.start("/usr/bin/python3", "-c", code, sandbox=Sandbox("isolated"))
    first_line(handle)
    (host_pid,) = until(lambda: _sleeping_below(identified(handle)), "the sight of it from outside")
    if stopped:
        stop(lab.native, handle, grace=0)
        until(lambda: lab.native.stop_progress(handle).done, "the stop")
    else:
        Path(handle["job_dir"], "go").touch()
    assert lab.end(handle).exit_code == (137 if stopped else 0)
    assert gone(host_pid)


def _sleeping_below(handle: Handle) -> list[int]:
    return [found.pid for found in Tree(handle).members() if process.command(found.pid)[:1] == [b"sleep"]]


BOMB = """
import os, time
count = 0
try:
    while count < 500:
        if os.fork() == 0:
            time.sleep(1000)
        count += 1
except BlockingIOError:
    pass
print(count, flush=True)
time.sleep(1000)
"""


@pytest.fixture
def open_lab() -> Iterator[Lab]:
    """A laboratory whose directories other accounts can pass through."""
    root = Path(tempfile.mkdtemp(prefix="mf-lab-", dir="/srv"))
    (root / "jobs").mkdir()
    for path in (root, root / "jobs"):
        path.chmod(0o711)
    laboratory = Lab(root)
    yield laboratory
    laboratory.close()
    shutil.rmtree(root)


@needs_walls
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a job under another account")
def test_a_fork_bomb_in_an_isolated_job_of_another_account_meets_the_limit_of_the_kernel(open_lab: Lab) -> None:
    walls = Sandbox("isolated", account="nobody")
    handle = open_lab.start("/usr/bin/python3", "-c", BOMB, limits=Limits(processes=10), sandbox=walls)
    assert int(first_line(handle)) == 9
    assert len(Tree(identified(handle)).members()) <= 12
    stop(open_lab.native, handle, grace=0)
    until(lambda: open_lab.native.stop_progress(handle).done, "the stop")
    assert not Tree(handle).members()
    assert open_lab.end(handle).kill_note.reason == "terminated"


@needs_walls
@pytest.mark.parametrize("profile", ["restricted", "isolated"])
def test_an_application_behind_walls_has_its_grace(lab: Lab, profile: str) -> None:
    script = "trap 'sleep 0.3; echo bye; exit 5' TERM; echo ready; while :; do sleep 0.02; done"
    handle = lab.start("/bin/sh", "-c", script, sandbox=Sandbox(profile))
    first_line(handle)
    stop(lab.native, identified(handle), grace=60)
    assert lab.end(handle).exit_code == 5
    assert spool_of(handle).stdout.read_bytes() == b"ready\nbye\n"


def test_a_job_directory_that_an_account_cannot_reach_is_named(lab: Lab) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run a job under another account")
    lab.root.chmod(0o700)
    with pytest.raises(StartRefused, match=re.escape(f"allow others to pass {lab.root}")):
        lab.plan("true", sandbox=Sandbox("none", account="nobody"))
    with pytest.raises(StartRefused, match="no account no-such-account"):
        lab.plan("true", sandbox=Sandbox("none", account="no-such-account"))
