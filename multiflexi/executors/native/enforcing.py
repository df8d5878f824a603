"""Decide by which means this host can hold a job to its limits, and say so where it cannot.

Sources: prlimit(1), getrlimit(2), user_namespaces(7).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from multiflexi.executors.contract import By, Launch
from multiflexi.executors.native import tools

_OUTPUT_SLACK = 1 << 20
_REAPER = 1


@dataclass(frozen=True)
class Enforcement:
    """Words in front of the walls and in front of the application itself, and how each limit is enforced."""

    outside: list[str]
    inside: list[str]
    applied: Mapping[str, By]
    warnings: tuple[str, ...]


def enforce(launch: Launch, controllers: frozenset[str]) -> Enforcement:
    """Choose the strongest means for each limit. Raises StartRefused (255) when prlimit is not installed."""
    limits = launch.limits
    outside: list[str] = []
    inside: list[str] = []
    applied: dict[str, By] = {}
    if limits.memory:
        applied["memory"] = "cgroup" if "memory" in controllers else "prlimit"
        if applied["memory"] == "prlimit":
            # Not the address space: runtimes reserve many times what they use. What is written to counts.
            outside.append(f"--data={limits.memory}")
    if limits.file_size:
        applied["file_size"], words = _file_size(limits.file_size, limits.output_limit)
        outside += words
    if limits.processes:
        applied["processes"] = _processes(launch, controllers)
        if applied["processes"] == "prlimit":
            inside.append(f"--nproc={limits.processes + _REAPER}")
    if limits.cpus:
        applied["cpus"] = "cgroup" if "cpu" in controllers else "not enforced"
    return Enforcement(_prlimit(outside), _prlimit(inside), applied, tuple(_warnings(applied)))


def _file_size(limit: int, output_limit: int) -> tuple[By, list[str]]:
    """The kernel's limit counts the files that take the job's output too, and must not cut those short.

    So it is used as it is only above the output limit; below, it stands just above the output limit, where it keeps a
    file from filling the disk between two looks.
    """
    above_output = output_limit + _OUTPUT_SLACK
    if output_limit and limit >= above_output:
        return "prlimit", [f"--fsize={limit}"]
    return "sampled", [f"--fsize={above_output}"] if output_limit else []


def _processes(launch: Launch, controllers: frozenset[str]) -> By:
    if "pids" in controllers:
        return "cgroup"
    # The kernel counts per account, and per account within one user namespace: only there is the number the job's own.
    own_namespace = launch.sandbox.profile == "isolated" and not _is_root(launch) and _counts_per_namespace()
    return "prlimit" if own_namespace else "sampled"


def _is_root(launch: Launch) -> bool:
    return os.geteuid() == 0 and launch.sandbox.account is None


@cache
def _counts_per_namespace() -> bool:
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


def _prlimit(options: list[str]) -> list[str]:
    return [tools.need("prlimit"), *options, "--"] if options else []


def _warnings(applied: Mapping[str, By]) -> list[str]:
    told = {
        ("memory", "prlimit"): "The memory limit holds for each process, not for the job as a whole: "
        "no control group is delegated to this executor",
        (
            "file_size",
            "sampled",
        ): "The file size limit is looked after in the job directory about once a second, because "
        "it lies below the output limit, which the system counts as well",
        ("processes", "sampled"): "The number of processes is looked after about once a second: "
        "no control group is delegated to this executor",
        ("cpus", "not enforced"): "The CPU limit is not enforced: no control group is delegated to this executor",
    }
    return [text for (name, how), text in told.items() if applied.get(name) == how]
