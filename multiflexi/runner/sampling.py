"""Limits that nothing but looking enforces: number of processes, and size of files below the output limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

from multiflexi.models import FailureReason
from multiflexi.runner.running import Running

PERIOD = 1.0
MOST_FILES = 10_000


def excess(one: Running) -> tuple[FailureReason, str] | None:
    """Look, at most once a period, whether a sampled limit is exceeded: failure reason, and what was seen."""
    now = time.monotonic()
    if "sampled" not in one.applied.values() or now < one.next_sample:
        return None
    one.next_sample = now + PERIOD
    if one.applied.get("processes") == "sampled" and one.limits.processes:
        count = one.module.count_processes(one.handle)
        if count > one.limits.processes:
            return FailureReason.PROCESS_LIMIT, f"{count} processes, {one.limits.processes} are allowed"
    if one.applied.get("file_size") == "sampled" and one.limits.file_size:
        found = larger_file(one.job_dir, one.limits.file_size)
        if found is not None:
            return FailureReason.FILE_LIMIT, f"the file {found} has more than {one.limits.file_size} bytes"
    return None


def larger_file(directory: Path, limit: int) -> str | None:
    """Name, relative to the directory, of a regular file above the limit; links and what cannot be read are passed by.

    Looks at no more than ten thousand files, so that a job cannot keep the executor busy by making many.
    """
    seen = 0
    waiting = [str(directory)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MOST_FILES:
                        return None
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size > limit:
                        return os.path.relpath(entry.path, directory)
        except OSError:
            continue
    return None
