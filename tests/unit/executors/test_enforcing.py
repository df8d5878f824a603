"""Which means holds a job to which limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiflexi.executors.contract import Launch, Limits, Sandbox
from multiflexi.executors.native import enforcing
from multiflexi.executors.native.enforcing import Enforcement
from multiflexi.jobs.spool import SpoolDir

MIB = 1 << 20
ALL = frozenset({"memory", "pids", "cpu"})


def enforce(limits: Limits, *controllers: str, profile: str = "none") -> Enforcement:
    launch = Launch(
        1, 1, ["true"], {}, Path("/jobs/1"), SpoolDir("/spool/x/job-1-1"), limits=limits, sandbox=Sandbox(profile)
    )
    return enforcing.enforce(launch, frozenset(controllers))


def test_a_job_without_limits_needs_nothing() -> None:
    held = enforce(Limits(time_limit=5, output_limit=MIB))
    assert (held.outside, held.inside, held.applied, held.warnings) == ([], [], {}, ())


def test_a_control_group_takes_what_it_can() -> None:
    held = enforce(Limits(memory=MIB, processes=9, cpus=0.5), *ALL)
    assert held.applied == {"memory": "cgroup", "processes": "cgroup", "cpus": "cgroup"}
    assert (held.outside, held.inside, held.warnings) == ([], [], ())


def test_without_one_every_weaker_means_is_told() -> None:
    held = enforce(Limits(memory=MIB, processes=9, cpus=0.5))
    assert held.applied == {"memory": "prlimit", "processes": "sampled", "cpus": "not enforced"}
    assert held.outside[1:] == [f"--data={MIB}", "--"]
    assert [warning.split(" limit")[0] for warning in held.warnings] == [
        "The memory",
        "The number of processes is looked after about once a second: no control group is delegated to this executor",
        "The CPU",
    ]


@pytest.mark.parametrize(
    ("file_size", "output_limit", "how", "words"),
    [
        (20 * MIB, 10 * MIB, "prlimit", [f"--fsize={20 * MIB}"]),
        (5 * MIB, 10 * MIB, "sampled", [f"--fsize={11 * MIB}"]),
        (5 * MIB, 0, "sampled", []),
    ],
)
def test_the_file_size_limit_never_cuts_allowed_output(
    file_size: int, output_limit: int, how: str, words: list[str]
) -> None:
    held = enforce(Limits(file_size=file_size, output_limit=output_limit))
    assert held.applied == {"file_size": how}
    assert held.outside[1:-1] == words
    assert bool(held.warnings) == (how == "sampled")


def test_the_kernel_counts_processes_in_a_user_namespace_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enforcing.os, "geteuid", lambda: 1000)
    held = enforce(Limits(processes=9), profile="isolated")
    assert held.applied == {"processes": "prlimit"}
    assert held.inside[1:] == ["--nproc=10", "--"]
    assert held.outside == []
    assert enforce(Limits(processes=9), profile="restricted").applied == {"processes": "sampled"}
    monkeypatch.setattr(enforcing.os, "geteuid", lambda: 0)
    assert enforce(Limits(processes=9), profile="isolated").applied == {"processes": "sampled"}
