"""Keeping only the newest log entries and jobs."""

from __future__ import annotations

from typing import TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet

from multiflexi.models import Job, LogEntry
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import job_cleanup
from multiflexi.services.job_cleanup import Progress
from multiflexi.services.rights import need

M = TypeVar("M", bound=Model)
BATCH = 1000


def old_logs(keep: int) -> QuerySet[LogEntry]:
    """All log entries but the newest `keep`."""
    return _behind(LogEntry.objects.all(), keep)


def old_jobs(keep: int) -> QuerySet[Job]:
    """All jobs but the newest `keep`, without those that wait or run."""
    return job_cleanup.finished(_behind(Job.objects.all(), keep))


def remove_logs(actor: Actor, keep: int, progress: Progress | None = None) -> int:
    """Delete old log entries, in batches; returns their number. Raises NotPermitted.

    `progress` hears the number so far after each batch.
    """
    need(actor, "system.config")
    total = 0
    while ids := list(old_logs(keep).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            LogEntry.objects.filter(pk__in=ids).delete()
            audit.write(
                actor,
                "delete",
                "LogEntry",
                severity="medium",
                event_type="data_deletion",
                data={"first": ids[0], "last": ids[-1], "keep": keep},
            )
        total += len(ids)
        if progress:
            progress(total)
    return total


def remove_jobs(actor: Actor, keep: int, progress: Progress | None = None) -> int:
    """Delete old finished jobs with their output and artifacts; returns their number. Raises NotPermitted."""
    jobs = old_jobs(keep)
    job_cleanup.need_removal(actor, jobs)
    ids = list(jobs.order_by("pk").values_list("pk", flat=True))
    return job_cleanup.remove_batches(actor, ids, {"keep": keep}, progress)["jobs"]


def _behind(rows: QuerySet[M], keep: int) -> QuerySet[M]:
    if not keep:
        return rows
    kept = list(rows.order_by("-pk").values_list("pk", flat=True)[keep - 1 : keep])
    return rows.filter(pk__lt=kept[0]) if kept else rows.none()
