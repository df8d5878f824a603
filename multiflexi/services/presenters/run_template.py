"""Record type "run template"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import RunTemplate
from multiflexi.services import job_limits
from multiflexi.services.lists import same

SORTABLE = same(
    "id",
    "app_id",
    "company_id",
    "interv",
    "prepared",
    "name",
    "delay",
    "executor",
    "active",
    "cron",
    "last_schedule",
    "next_schedule",
    "note",
    "successfull_jobs_count",
    "failed_jobs_count",
    "deadline_offset",
    "retry_backoff",
    "allow_late",
    "max_retries",
    "retry_delay",
    "time_limit",
    "catch_up",
    "overlap",
    "timezone",
    "complete",
    DatCreate="created_at",
    DatSave="updated_at",
    max_attempts="max_retries",
    retry_min_gap="retry_delay",
    app_uuid="app__uuid",
    app_name="app__name",
    company_slug="company__slug",
)


def row(template: RunTemplate) -> dict[str, Any]:
    """Reads `app` and `company`; join them for lists."""
    return {
        "id": template.pk,
        "app_id": template.app_id,
        "company_id": template.company_id,
        "interv": template.interv,
        "prepared": template.prepared,
        "success": None,
        "fail": None,
        "name": template.name,
        "delay": template.delay,
        "executor": template.executor,
        "active": template.active,
        "cron": template.cron,
        "last_schedule": template.last_schedule,
        "next_schedule": template.next_schedule,
        "note": template.note,
        "DatCreate": template.created_at,
        "DatSave": template.updated_at,
        "successfull_jobs_count": template.successfull_jobs_count,
        "failed_jobs_count": template.failed_jobs_count,
        "deadline_offset": template.deadline_offset,
        "max_attempts": template.max_retries + 1,
        "retry_backoff": template.retry_backoff,
        "retry_min_gap": template.retry_delay,
        "allow_late": template.allow_late,
        "app_uuid": str(template.app.uuid),
        "max_retries": template.max_retries,
        "retry_delay": template.retry_delay,
        "retry_on_exit_codes": template.retry_on_exit_codes,
        **job_limits.shown(template),
        "kill_grace": template.kill_grace,
        "catch_up": template.catch_up,
        "overlap": template.overlap,
        "timezone": template.timezone,
        "complete": template.complete,
    }


def with_names(template: RunTemplate) -> dict[str, Any]:
    """The record of one run template: the row and the names of what it belongs to."""
    return {**row(template), "company_slug": template.company.slug, "app_name": template.app.name}
