"""Why a job runs, waits, did not start or ended as it did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from multiflexi.jobs.queue import backend
from multiflexi.jobs.rows import assigned
from multiflexi.models import Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.services.explain import daemons
from multiflexi.services.explain.ended import ended_because
from multiflexi.services.explain.reason import Reason, rows
from multiflexi.services.explain.under_way import doing
from multiflexi.services.explain.waiting import waits_for
from multiflexi.services.presenters.job import transition


def explain(actor: Actor, job: Job) -> dict[str, Any]:
    """Explain a job the actor sees, with its application, company and run template loaded.

    `waiting_for` is what keeps a pending job, `reasons` what a job that was taken does or why it ended.
    """
    now = backend().now()
    waits = job.status == JobStatus.PENDING
    reasons = () if waits else ended_because(job) if JobStatus(job.status).is_final else doing(job, now)
    return {
        "job_id": job.pk,
        "status": job.status,
        "waiting_for": rows(_waiting(actor, job, now)) if waits else [],
        "reasons": rows(reasons),
        "history": [transition(entry) for entry in job.history.order_by("pk")],
    }


def _waiting(actor: Actor, job: Job, now: datetime) -> list[Reason]:
    return waits_for(actor, job, now, assigned([job])[job.runtemplate_id or 0], daemons.living())
