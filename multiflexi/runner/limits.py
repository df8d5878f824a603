"""Effective limits of a job: the run template's, else the application's, else the installation's."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from django.conf import settings

from multiflexi.executors.contract import Limits, Plan
from multiflexi.models import Job

MIB = 1024 * 1024


def effective(job: Job) -> Limits:
    """The limits that hold for this job from its start on; application and run template are loaded. 0 means none."""
    memory = _first(job, "memory_limit_mb", settings.MULTIFLEXI_JOB_MEMORY_MB)
    file_size = _first(job, "file_limit_mb", settings.MULTIFLEXI_JOB_FILE_MB)
    output = _first(job, "output_limit_mb", None)
    cpus = _first(job, "cpu_limit", settings.MULTIFLEXI_JOB_CPUS)
    grace = job.runtemplate.kill_grace if job.runtemplate else None
    return Limits(
        time_limit=_first(job, "time_limit", settings.MULTIFLEXI_JOB_TIMEOUT) or 0,
        kill_grace=float(settings.MULTIFLEXI_KILL_GRACE if grace is None else grace),
        output_limit=settings.MULTIFLEXI_SPOOL_MAX_BYTES if output is None else output * MIB,
        memory=memory * MIB if memory else None,
        file_size=file_size * MIB if file_size else None,
        processes=_first(job, "pids_limit", settings.MULTIFLEXI_JOB_PROCESSES) or None,
        cpus=float(cpus) if cpus else None,
    )


def record(plan: Plan) -> dict[str, Any]:
    """What is kept with the job: its limits, how each is enforced, and what could not be done."""
    return {**asdict(plan.launch.limits), "applied": dict(plan.applied), "warnings": list(plan.warnings)}


def recorded(job: Job) -> Limits:
    """The limits that a started job was started with; changes to its run template do not reach it any more."""
    stored = job.limits or {}
    known = {one.name: stored[one.name] for one in fields(Limits) if one.name in stored}
    return Limits(**known) if known else effective(job)


def _first(job: Job, name: str, default: Any) -> Any:
    for owner in (job.runtemplate, job.app):
        value = getattr(owner, name, None)
        if value is not None:
            return value
    return default
