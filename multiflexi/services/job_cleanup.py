"""Deleting old finished jobs on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from multiflexi.models import FINAL_STATES, Artifact, Company, Job, JobOutputLine
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import counting, job_filters, job_removal
from multiflexi.services.rights import need

BATCH = 500
Progress = Callable[[int], None]


def old_jobs(
    cutoff: datetime, *, status: Iterable[str] = (), company: Company | None = None, keep: int = 0
) -> QuerySet[Job]:
    """Finished jobs that ended before the cutoff, without the newest `keep` of each run template.

    Raises BadQuery for an unknown status word; words for unfinished jobs select nothing.
    """
    rows = Job.objects.filter(status__in=FINAL_STATES, end__lt=cutoff)
    wanted = job_filters.states(status)
    if wanted:
        rows = rows.filter(status__in=wanted)
    if company:
        rows = rows.filter(company=company)
    if not keep:
        return rows
    ended = Job.objects.filter(status__in=FINAL_STATES)
    place = Window(RowNumber(), partition_by=[F("runtemplate_id")], order_by=[F("end").desc(), F("pk").desc()])
    newest = ended.annotate(place=place).filter(place__lte=keep).values("pk")
    return rows.exclude(pk__in=list(newest.values_list("pk", flat=True)))


def counted(jobs: QuerySet[Job]) -> dict[str, int]:
    """What removing the jobs would delete."""
    return counting.counted(
        jobs=jobs,
        artifacts=Artifact.objects.filter(job__in=jobs.order_by().values("pk")),
        output_lines=JobOutputLine.objects.filter(job__in=jobs.order_by().values("pk")),
    )


def need_removal(actor: Actor, jobs: QuerySet[Job]) -> None:
    """Raise NotPermitted unless the actor may delete jobs in all companies that these belong to."""
    need(actor, "jobs.delete")
    for company_id in jobs.order_by("company_id").values_list("company_id", flat=True).distinct():
        need(actor, "jobs.delete", company_id)


def remove_old(actor: Actor, jobs: QuerySet[Job], cutoff: datetime, progress: Progress | None = None) -> dict[str, int]:
    """Delete the jobs, each batch in a transaction of its own with an audit entry; returns counts."""
    need_removal(actor, jobs)
    ids = list(jobs.order_by("pk").values_list("pk", flat=True))
    return remove_batches(actor, ids, {"cutoff": cutoff.isoformat()}, progress)


def finished(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Those of the jobs that have ended."""
    return jobs.filter(status__in=FINAL_STATES)


def remove_batches(
    actor: Actor, ids: Sequence[int], facts: Mapping[str, Any], progress: Progress | None = None
) -> dict[str, int]:
    """Delete those of the jobs that are finished still; `facts` tell the audit trail how they were chosen.

    Ask `need_removal` before. `progress` hears the number of jobs so far after each batch.
    """
    totals = {"jobs": 0, "artifacts": 0, "output_lines": 0}
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        with transaction.atomic():
            # A retry may not start from a row that is about to go: only what is still finished is deleted.
            removed = job_removal.remove(Job.objects.filter(pk__in=batch, status__in=FINAL_STATES))
            audit.write(
                actor,
                "delete",
                "Job",
                severity="medium",
                event_type="data_deletion",
                data={"first": batch[0], "last": batch[-1], **facts, **removed},
            )
        for name, number in removed.items():
            totals[name] += number
        if progress:
            progress(totals["jobs"])
    return totals
