"""What a job consumed, told truthfully or not at all.

Source: getrusage(2), and fs/exec.c of the kernel for the trap: a process that was started by vfork inherits the peak
memory of its parent, so for a job that stays below the executor's own peak the figure says nothing about the job.
"""

from __future__ import annotations

import resource
import time

from multiflexi.executors.contract import Handle, Usage
from multiflexi.executors.native import groups, process
from multiflexi.jobs.spool import ExitStatus, SpoolDir

_TOLERANCE_KB = 1024


def of_child(handle: Handle, used: resource.struct_rusage, wall_seconds: float) -> Usage:
    """Usage of a child of this process that was just collected."""
    group = groups.of(handle)
    cpu = groups.cpu_seconds(group) if group else None
    return Usage(
        cpu_seconds=used.ru_utime + used.ru_stime if cpu is None else cpu,
        max_rss_kb=_peak_kb(used.ru_maxrss) or (groups.peak_memory_kb(group) if group else None),
        wall_seconds=wall_seconds,
    )


def of_adopted(handle: Handle, status: ExitStatus) -> Usage:
    """Usage of a job whose end another process, or nobody, collected: by its group, else by its wrapper's report."""
    group = groups.of(handle)
    cpu = groups.cpu_seconds(group) if group else None
    return Usage(
        cpu_seconds=status.cpu_seconds if cpu is None else cpu,
        max_rss_kb=groups.peak_memory_kb(group) if group else None,
        wall_seconds=_wall_seconds(handle, status),
    )


def _peak_kb(reported: int) -> int | None:
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return reported if reported > inherited + _TOLERANCE_KB else None


def _wall_seconds(handle: Handle, status: ExitStatus) -> float | None:
    """From the start by the boot clock to the moment the status was written; None on another boot."""
    if handle["boot_id"] != process.boot_id():
        return None
    if handle["pid_started"] is not None:
        return max(0.0, process.age(handle["pid_started"]) - (time.time() - status.written_at.timestamp()))
    mark = SpoolDir(handle["spool"]).read_start()
    if mark is None:
        return None
    return max(0.0, (status.written_at - mark.written_at).total_seconds())
