"""Why a job runs, waits or did not start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings

from multiflexi.jobs import workers
from multiflexi.jobs.queue import backend
from multiflexi.models import ACTIVE_STATES, Job, JobStatus, QueueEntry, WorkerRole
from multiflexi.services.presenters.job import transition

HEARTBEATS_MISSED = 3


def explain(job: Job) -> dict[str, Any]:
    """The state, what a pending job waits for, and its history."""
    now = backend().now()
    return {
        "job_id": job.pk,
        "status": job.status,
        "waiting_for": list(_obstacles(job, now)) if job.status == JobStatus.PENDING else [],
        "history": [transition(entry) for entry in job.history.order_by("pk")],
    }


def _obstacles(job: Job, now: datetime) -> Iterator[dict[str, Any]]:
    entry = QueueEntry.objects.filter(job=job).first()
    if entry is None:
        yield _obstacle("queue", "The job has no queue row; repair it with queue:fix.", job.created_at, None)
        return
    if entry.defer_reason:
        yield _obstacle("deferred", entry.defer_reason, entry.deferred_since, entry.after)
    elif entry.after > now:
        yield _obstacle("time", "It is not due yet.", job.created_at, entry.after)
    template = job.runtemplate
    if template and template.is_serialised and template.running_job_id not in (None, job.pk):
        yield _obstacle("runtemplate", f"Job {template.running_job_id} of the same run template runs.", None, None)
    company = job.company
    if company.max_running is not None:
        running = Job.objects.filter(company=company, status__in=ACTIVE_STATES).count()
        if running >= company.max_running:
            yield _obstacle("company", f"The company runs {running} of at most {company.max_running} jobs.", None, None)
    yield from _executors(job, entry)


def _executors(job: Job, entry: QueueEntry) -> Iterator[dict[str, Any]]:
    seconds = settings.MULTIFLEXI_HEARTBEAT_SECONDS * HEARTBEATS_MISSED
    alive = workers.alive([WorkerRole.EXECUTOR], within_seconds=seconds)
    serving = [one for one in alive if not one.modules or job.executor in one.modules]
    if not serving:
        yield _obstacle(
            "executor", f"No running executor serves {job.executor}; start multiflexi-executor.", None, None
        )
    elif all(one.not_claiming_reason for one in serving):
        reasons = ", ".join(sorted({f"{one.name}: {one.not_claiming_reason}" for one in serving}))
        yield _obstacle("executor", f"No executor takes jobs now ({reasons}).", None, None)
    elif all(one.places and one.places_used >= one.places for one in serving):
        yield _obstacle("place", "Every place of the executors is taken.", None, entry.after)


def _obstacle(kind: str, detail: str, since: datetime | None, next_try: datetime | None) -> dict[str, Any]:
    return {"kind": kind, "detail": detail, "since": since, "next_try": next_try}
