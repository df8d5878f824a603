"""Private directories of jobs: one for each start, so that no owner ever meets the files of another one.

An executor that was paused beyond its lease may still prepare or clear away its own start of a job; the start of the
next owner has another claim, hence another directory.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from django.conf import settings

from multiflexi.jobs import inputs
from multiflexi.models import Job

_KEPT = ".kept"
_HOUR = 3600.0


def job_directory(job: Job) -> str:
    """The private directory of a job on this host: of its start once there is one, else of the claim it has now."""
    started: str | None = (job.handle or {}).get("job_dir")
    return started or str(Path(settings.MULTIFLEXI_TMP) / f"job-{job.pk}-{job.claim}")


def make_fresh(job_dir: Path) -> None:
    """Make the directory empty and private. Raises OSError."""
    job_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        job_dir.mkdir(mode=0o700)
    except FileExistsError:
        shutil.rmtree(job_dir)
        job_dir.mkdir(mode=0o700)


def remove(job_dir: Path | str) -> None:
    """Delete the directory as far as that is possible."""
    try:
        os.rmdir(job_dir)  # noqa: PTH106 - most are empty, and this is on the hot path
    except OSError:
        shutil.rmtree(job_dir, ignore_errors=True)


def let_go(job_dir: Path, *, failed: bool) -> None:
    """Delete the directory of an ended job; that of a failed one stays as long as the installation wants it.

    Uploads, which may be secret and are at hand anyway, do not stay.
    """
    if failed and settings.MULTIFLEXI_KEEP_FAILED_DIRS and job_dir.is_dir():
        remove(job_dir / inputs.DIRECTORY)
        try:
            _marker(job_dir).touch(mode=0o600)
        except OSError:
            # A full disk has no room for what is merely of use.
            remove(job_dir)
        return
    remove(job_dir)


def remove_outdated() -> None:
    """Delete the directories of failed jobs, whoever kept them, once their time is over."""
    over = time.time() - settings.MULTIFLEXI_KEEP_FAILED_DIRS * _HOUR
    for marker in Path(settings.MULTIFLEXI_TMP).glob(f"job-*{_KEPT}"):
        try:
            outdated = marker.lstat().st_mtime <= over
        except FileNotFoundError:
            continue
        if outdated:
            remove(marker.with_suffix(""))
            marker.unlink(missing_ok=True)


def _marker(job_dir: Path) -> Path:
    return job_dir.with_name(job_dir.name + _KEPT)
