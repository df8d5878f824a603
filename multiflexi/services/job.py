"""Jobs: what ran, runs and waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from multiflexi.jobs.create import create_job
from multiflexi.jobs.overrides import open_overrides
from multiflexi.models import (
    LIVE_STATES,
    UNSUCCESSFUL_STATES,
    Application,
    Job,
    JobStatus,
    QueueEntry,
    ScheduleType,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, job_filters, job_removal, lookup
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.lists import chosen
from multiflexi.services.run_template_config import checked
from multiflexi.services.run_template_run import obstacles
from multiflexi.services.run_template_values import usable
from multiflexi.services.scope import visible

NOUN = "Job"


def query(
    actor: Actor,
    *,
    status: Iterable[str] = (),
    runtemplate_id: int | None = None,
    company_id: int | None = None,
    app_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    search: str | None = None,
) -> QuerySet[Job]:
    """Jobs by filter words and times of their creation. Raises BadQuery for an unknown word."""
    rows = visible(Job, actor).filter(
        **chosen(
            {
                "runtemplate_id": runtemplate_id,
                "company_id": company_id,
                "app_id": app_id,
                "created_at__gte": since,
                "created_at__lt": until,
            }
        )
    )
    wanted = job_filters.states(status)
    if wanted:
        rows = rows.filter(status__in=wanted)
    if search:
        rows = rows.filter(Q(app__name__icontains=search) | Q(runtemplate__name__icontains=search))
    return rows


def find(actor: Actor, reference: Any) -> Job:
    return lookup.by_id(visible(Job, actor).select_related("app", "company", "runtemplate"), NOUN, reference)


def totals(actor: Actor) -> dict[str, int]:
    """Numbers of `job:status`, in three queries."""
    jobs = visible(Job, actor)
    by_state = dict(jobs.values_list("status").annotate(number=Count("pk")).order_by())
    return {
        "successful_jobs": by_state.get(JobStatus.SUCCESS, 0),
        "failed_jobs": sum(by_state.get(state, 0) for state in UNSUCCESSFUL_STATES),
        "incomplete_jobs": sum(by_state.get(state, 0) for state in LIVE_STATES),
        "total_applications": Application.objects.filter(retired_at=None).count(),
        "repeated_jobs": jobs.filter(attempt__gt=1).count(),
        "total_jobs": sum(by_state.values()),
        "queue_length": visible(QueueEntry, actor).count(),
    }


def reschedule(
    actor: Actor,
    job: Job,
    *,
    after: datetime | None = None,
    executor: str | None = None,
    schedule_type: str | None = None,
) -> bool:
    """Change a job that nobody has taken yet and say whether anything changed. Raises Refused and Invalid."""
    with transaction.atomic():
        entry = QueueEntry.objects.select_for_update().filter(job=job).first()
        job = Job.objects.select_for_update().select_related("app").get(pk=job.pk)
        if job.status != JobStatus.PENDING or entry is None or entry.worker_id:
            raise Refused(
                f"Job {job.pk} is {job.status}; only a pending job can be changed, make a new one instead.",
                "job_not_pending",
                details={"status": job.status},
            )
        values: dict[str, Any] = usable({"executor": executor}, job.app) if executor else {}
        if after:
            values["schedule"] = after
        if schedule_type:
            if schedule_type not in ScheduleType.values:
                raise invalid_field("schedule_type", f"use one of {', '.join(ScheduleType.values)}.")
            values["schedule_type"] = schedule_type
        changed = changes.assign(job, values)
        if not changed:
            return False
        changes.save(job, changed)
        entry.after, entry.executor = after or entry.after, job.executor
        entry.save(update_fields=["after", "executor"])
        audit.write(actor, "update", job, company_id=job.company_id, changes=changes.for_audit(changed))
    return True


def remove(actor: Actor, job: Job) -> None:
    """Delete a job with output and artifacts. Raises Refused while an executor holds it."""
    with transaction.atomic():
        rows = Job.objects.select_for_update().filter(pk=job.pk)
        job_removal.refuse_active(rows)
        audit.write(
            actor,
            "delete",
            job,
            company_id=job.company_id,
            severity="medium",
            changes=changes.for_audit({"status": (job.status, None)}),
        )
        job_removal.remove(Job.objects.filter(pk=job.pk))


def retry(actor: Actor, job: Job, *, overrides: Mapping[str, str] | None = None, reason: str | None = None) -> Job:
    """Repeat an ended job as a new one with the same overrides and executor; the cadence is not touched.

    Raises Refused for a job that has not ended or whose run template may not run.
    """
    if job.status in LIVE_STATES:
        raise Refused(
            f"Job {job.pk} is {job.status}; only an ended job can be repeated. Cancel it with job:cancel or stop it "
            "with job:stop first.",
            "job_not_ended",
            details={"status": job.status},
        )
    template = job.runtemplate
    if template is None:
        raise Refused(f"Job {job.pk} has no run template any more and cannot be repeated.", "runtemplate_gone")
    problems = obstacles(template)
    if problems:
        raise Refused(" ".join(problems), "runtemplate_not_runnable", details={"reasons": problems})
    # Secret overrides of an ended job are blanked; they have to be given again.
    kept = open_overrides({name: one for name, one in (job.overrides or {}).items() if one is not None}, job.pk)
    with transaction.atomic():
        made = create_job(
            template,
            actor=actor,
            schedule_type=ScheduleType.RETRY,
            executor=job.executor,
            retry_of=job,
            note=reason,
            overrides={**kept, **checked(template, overrides or {})},
        )
        audit.write(actor, "retry", job, company_id=job.company_id, data={"job_id": made.pk, "reason": reason})
    return made
