"""Why a job runs, waits, did not start or ended as it did."""

from __future__ import annotations

from typing import Any

from multiflexi.jobs.queue import backend
from multiflexi.models import Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.services.explain.ended import ended_because
from multiflexi.services.explain.reason import rows
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
        "waiting_for": rows(waits_for(actor, job, now)) if waits else [],
        "reasons": rows(reasons),
        "history": [transition(entry) for entry in job.history.order_by("pk")],
    }
