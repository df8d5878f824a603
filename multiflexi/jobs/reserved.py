"""The variables that only the platform sets."""

from __future__ import annotations

from multiflexi import __version__
from multiflexi.jobs.layers import PLATFORM, Offer
from multiflexi.models import Job

LOGGER = "EASE_LOGGER"
TMP = "MULTIFLEXI_TMP"
NAMES = frozenset(
    {
        "MULTIFLEXI_JOB_ID",
        "MULTIFLEXI_RUNTEMPLATE_ID",
        "MULTIFLEXI_RUNTEMPLATE_NAME",
        "MULTIFLEXI_APPLICATION_ID",
        "MULTIFLEXI_APPLICATION_NAME",
        "MULTIFLEXI_APPLICATION_UUID",
        "MULTIFLEXI_COMPANY_ID",
        "MULTIFLEXI_COMPANY_CODE",
        "MULTIFLEXI_COMPANY_NAME",
        "MULTIFLEXI_EXECUTOR",
        "MULTIFLEXI_VERSION",
        "MULTIFLEXI_TMP",
        "MULTIFLEXI_ATTEMPT",
        "MULTIFLEXI_TASK_ID",
    }
)


def logger_default() -> Offer:
    """Where applications log to unless something else is set: their standard output, which the platform keeps."""
    return Offer(LOGGER, "console", PLATFORM)


def offers(job: Job, directory: str) -> list[Offer]:
    """The reserved variables of a job; `directory` is the job's directory as its process sees it."""
    values = {
        "MULTIFLEXI_JOB_ID": job.pk,
        "MULTIFLEXI_APPLICATION_ID": job.app_id,
        "MULTIFLEXI_APPLICATION_NAME": job.app.name,
        "MULTIFLEXI_APPLICATION_UUID": job.app.uuid,
        "MULTIFLEXI_COMPANY_ID": job.company_id,
        "MULTIFLEXI_COMPANY_CODE": job.company.code,
        "MULTIFLEXI_COMPANY_NAME": job.company.name,
        "MULTIFLEXI_EXECUTOR": job.executor,
        "MULTIFLEXI_VERSION": __version__,
        "MULTIFLEXI_TMP": directory,
        "MULTIFLEXI_ATTEMPT": job.attempt,
    }
    if job.runtemplate is not None:
        values |= {"MULTIFLEXI_RUNTEMPLATE_ID": job.runtemplate_id, "MULTIFLEXI_RUNTEMPLATE_NAME": job.runtemplate.name}
    if job.task_id is not None:
        values["MULTIFLEXI_TASK_ID"] = job.task_id
    if job.traceparent:
        values["TRACEPARENT"] = job.traceparent
    return [Offer(name, str(value), PLATFORM) for name, value in values.items()]
