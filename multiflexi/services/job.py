"""Changes of jobs on request; looking at them is in `job_query`, ending them in `job_stop`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from multiflexi.jobs.create import create_job
from multiflexi.jobs.overrides import open_overrides
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import (
    LIVE_STATES,
    Job,
    JobStatus,
    QueueEntry,
    ScheduleType,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, job_removal
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import is_own, need, need_for_executor
from multiflexi.services.run_template_config import checked
from multiflexi.services.run_template_run import need_for_overrides, obstacles
from multiflexi.services.run_template_values import usable


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
        need(actor, "jobs.cancel", job.company_id, own=is_own(actor, job))
        if job.status != JobStatus.PENDING or entry is None or entry.worker_id:
            raise Refused(
                f"Job {job.pk} is {job.status}; only a pending job can be changed, make a new one instead.",
                "job_not_pending",
                details={"status": job.status},
            )
        values: dict[str, Any] = {}
        if executor:
            need(actor, "jobs.execute", job.company_id)
            need_for_executor(actor, job.company_id, executor if executor != job.executor else None)
            values["executor"] = usable({"executor": executor}, job.app)["executor"]
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
        columns = ["after", "executor"]
        if after:
            # It waits because a person wants it to, and no recovery of a credential may bring it forward.
            entry.deferrals, entry.deferred_since, entry.defer_reason = 0, None, None
            columns += ["deferrals", "deferred_since", "defer_reason"]
        entry.save(update_fields=columns)
        audit.write(actor, "update", job, company_id=job.company_id, changes=changes.for_audit(changed))
        backend().hint(Topic.QUEUE)
    return True


def bring_forward(actor: Actor, job: Job) -> None:
    """Make a job that waits for a later time due now, because somebody runs it by hand. Raises Refused."""
    now = backend().now()
    if QueueEntry.objects.filter(job=job, after__gt=now, worker=None).exists():
        reschedule(actor, job, after=now)


def remove(actor: Actor, job: Job) -> None:
    """Delete a job with output and artifacts. Raises Refused while an executor holds it."""
    need(actor, "jobs.delete", job.company_id)
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

    Raises Refused for a job that has not ended, whose run template may not run, or that had a secret for one run.
    """
    need(actor, "jobs.retry", job.company_id, own=is_own(actor, job))
    if overrides:
        need(actor, "jobs.execute", job.company_id)
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
    given = checked(template, overrides or {})
    need_for_overrides(actor, template, given)
    kept = _kept_overrides(job, given)
    with transaction.atomic():
        made = create_job(
            template,
            actor=actor,
            schedule_type=ScheduleType.RETRY,
            executor=job.executor,
            retry_of=job,
            note=reason,
            overrides={**kept, **given},
        )
        audit.write(actor, "retry", job, company_id=job.company_id, data={"job_id": made.pk, "reason": reason})
    return made


def _kept_overrides(job: Job, given: Mapping[str, str]) -> dict[str, str]:
    """The overrides of an ended job; its secret ones are blanked, and without them it would do something else."""
    stored = job.overrides or {}
    gone = sorted(name for name, one in stored.items() if one is None and name not in given)
    if gone:
        raise Refused(
            f"Job {job.pk} was given {', '.join(gone)} for that run alone, and such secrets are not kept; give them "
            "again, or make a new job.",
            "secret_override_gone",
            details={"names": gone},
        )
    return open_overrides({name: one for name, one in stored.items() if one is not None}, job.pk)
