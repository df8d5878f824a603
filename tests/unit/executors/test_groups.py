"""What is written where in the tree of control groups; what the kernel makes of it is shown by the crash tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiflexi.executors.contract import Limits
from multiflexi.executors.native import groups

FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max", "cgroup.kill")
ALL = {"memory": "cgroup", "processes": "cgroup", "cpus": "cgroup"}


@pytest.fixture
def group(tmp_path: Path) -> Path:
    path = tmp_path / "mf-job-1-2"
    path.mkdir()
    for name in FILES:
        (path / name).touch()
    return path


def written(group: Path) -> dict[str, str]:
    return {name: text for name in FILES if (text := (group / name).read_text())}


def test_every_limit_has_its_file(group: Path) -> None:
    groups.create(group, Limits(memory=1 << 30, processes=50, cpus=1.5), ALL)
    assert written(group) == {
        "memory.max": str(1 << 30),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "50",
        "cpu.max": "150000 100000",
    }


def test_what_others_enforce_is_left_alone(group: Path) -> None:
    groups.create(group, Limits(memory=1 << 30, processes=50, cpus=1.5), {"memory": "prlimit", "processes": "sampled"})
    assert written(group) == {}


def test_a_limit_that_cannot_be_set_is_an_error_but_an_older_kernel_is_not(group: Path) -> None:
    (group / "memory.oom.group").unlink()
    groups.create(group, Limits(memory=5), ALL | {"processes": "sampled", "cpus": "not enforced"})
    (group / "pids.max").unlink()
    with pytest.raises(OSError, match=r"pids\.max"):
        groups.create(group, Limits(processes=5), {"processes": "cgroup"})


def test_only_a_group_of_the_jobs_own_name_is_ever_touched() -> None:
    assert groups.of({"name": "mf-job-1-2", "group": "/x/mf-job-1-2"}) == Path("/x/mf-job-1-2")
    assert groups.of({"name": "mf-job-1-2", "group": "/x/system.slice"}) is None
    assert groups.of({"name": "mf-job-1-2", "group": None}) is None
    assert groups.of({"name": "mf-job-1-2"}) is None


def test_a_directory_that_is_no_control_group_is_not_used(tmp_path: Path) -> None:
    assert groups.find(tmp_path) is None
    assert groups.find(tmp_path / "none") is None


def test_figures_are_read_and_missing_ones_are_unknown(group: Path) -> None:
    assert (groups.peak_memory_kb(group), groups.cpu_seconds(group), groups.oom_kills(group)) == (None, None, 0)
    (group / "memory.peak").write_text("2097152\n")
    (group / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (group / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert (groups.peak_memory_kb(group), groups.cpu_seconds(group), groups.oom_kills(group)) == (2048, 1.5, 2)
