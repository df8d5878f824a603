"""Control groups of the real kernel. Memory, processes and CPU need a delegated group that has those controllers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.executors.contract import Alive, Ended, Limits
from multiflexi.executors.native import groups
from multiflexi.executors.native.module import Native
from tests.crash.native_jobs import Lab, first_line, gone, identified, output_of, stop, until

# Escapes the group, the session, the ancestry and the environment of its job: nothing but a control group holds it.
VANISHING = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    with open("vanished", "w") as file:
        file.write(f"{os.getpid()}\\n")
    for number in range(3):
        os.close(number)
    os.chdir("/")
    os.execve("/bin/sleep", ["sleep", "1000"], {})
os.wait()
while not (os.path.exists("vanished") and os.path.getsize("vanished")):
    time.sleep(0.01)
print("ready", flush=True)
"""


def _writable_mount() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        path = Path(before.split()[4])
        if after.startswith("cgroup2 ") and groups.is_usable(path) and not os.statvfs(path).f_flag & os.ST_RDONLY:
            return path
    return None


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    mount = _writable_mount()
    if mount is None:
        pytest.skip("there is no writable cgroup v2 hierarchy on this host")
    path = mount / f"mf-test-{os.getpid()}-{tmp_path.name}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made on this host: {error}")
    yield path
    until(lambda: groups.remove(path), "the removal of the control group")


@pytest.fixture
def lab(tmp_path: Path, base: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    laboratory.native = Native(group=base)
    yield laboratory
    laboratory.close()


def vanished(handle: dict[str, object]) -> int:
    return int(Path(str(handle["job_dir"]), "vanished").read_text())


def test_the_application_is_in_the_group_and_the_wrapper_is_not(lab: Lab, base: Path) -> None:
    script = "trap '' TERM; grep 0:: /proc/self/cgroup; ls /proc/self/fd; while :; do sleep 0.05; done"
    handle = lab.start("/bin/sh", "-c", script)
    assert first_line(handle).endswith(f"/{base.name}/{handle['name']}")
    until(lambda: output_of(handle).count(b"\n") >= 5, "the list of descriptors")
    assert handle["pid"] not in groups.members(Path(handle["group"]))
    stop(lab.native, handle, grace=0)
    until(lambda: lab.native.stop_progress(handle).done, "the stop")
    ended = lab.end(handle)
    assert (ended.exit_code, ended.kill_note.reason) == (137, "terminated")
    # Descriptor 3 is the directory being listed; that of the group would be 4.
    assert output_of(handle).split()[1:] == [b"0", b"1", b"2", b"3"]


def test_a_process_that_shook_off_every_mark_is_ended_with_its_job(lab: Lab) -> None:
    handle = lab.start(sys.executable, "-c", VANISHING + "time.sleep(1000)")
    first_line(handle)
    assert not gone(vanished(handle))
    stop(lab.native, handle, grace=0)
    until(lambda: lab.native.stop_progress(handle).done, "the stop")
    assert gone(vanished(handle))


def test_nothing_outlives_the_end_of_its_application(lab: Lab) -> None:
    handle = lab.start(sys.executable, "-c", VANISHING)
    ended = lab.end(handle)
    assert (ended.exit_code, ended.kill_note) == (0, None)
    assert gone(vanished(handle))
    group = Path(handle["group"])
    until(lambda: (lab.native.cleanup(handle), not group.exists())[1], "the removal of the group")


def test_an_adopter_ends_what_is_left_in_the_group_and_tells_its_use(lab: Lab) -> None:
    handle = lab.start(sys.executable, "-c", VANISHING + "while time.process_time() < 0.2: pass\ntime.sleep(1000)")
    first_line(handle)
    identified(handle)
    adopter = Native()
    assert adopter.recover(handle) == Alive(handle)
    until(lambda: groups.cpu_seconds(Path(handle["group"])) >= 0.2, "its use of the processor")
    stop(adopter, handle, grace=0)
    until(lambda: adopter.stop_progress(handle).done, "the stop")
    os.waitpid(handle["pid"], 0)
    ended = adopter.poll(handle)
    assert isinstance(ended, Ended)
    assert ended.usage.cpu_seconds >= 0.2
    assert gone(vanished(handle))


def test_a_start_that_fails_leaves_no_group(lab: Lab, base: Path) -> None:
    plan = lab.plan("true", "x" * 200_000)
    with contextlib.suppress(Exception):
        lab.native.start(plan)
    assert not Path(plan.handle["group"]).exists()
    assert base.exists()


def _needs(lab: Lab, controller: str) -> None:
    if controller not in lab.native.delegated.controllers:
        pytest.skip(f"the controller {controller} is not available to control groups v2 on this host")


def test_memory_beyond_the_limit_ends_the_whole_job(lab: Lab) -> None:
    _needs(lab, "memory")
    handle = lab.start("/bin/sh", "-c", "tail /dev/zero; echo survived", limits=Limits(memory=32 << 20))
    ended = lab.end(handle)
    assert (ended.exit_code, ended.cause) == (137, "out_of_memory")
    assert b"survived" not in output_of(handle)


def test_processes_beyond_the_limit_cannot_be_made(lab: Lab) -> None:
    _needs(lab, "pids")
    code = (
        "import os, time\ncount = 0\ntry:\n  while True:\n    os.fork() or time.sleep(1000)\n    count += 1\n"
        "except BlockingIOError: print(count, flush=True)\n"
    )
    handle = lab.start(sys.executable, "-c", code, limits=Limits(processes=10))
    assert int(first_line(handle)) == 9
    assert lab.end(handle).exit_code == 0
