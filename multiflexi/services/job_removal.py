"""Deleting jobs with all they left behind, in batches and without loading rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model, QuerySet

from multiflexi.models import (
    ACTIVE_STATES,
    Artifact,
    ArtifactChunk,
    CredentialUse,
    FileStore,
    Job,
    JobHistory,
    JobLimit,
    JobOutputLine,
    Outbox,
    QueueEntry,
    RunTemplate,
    Task,
)
from multiflexi.services.errors import Refused

BATCH = 500


def refuse_active(jobs: QuerySet[Job]) -> None:
    """Raise Refused while an executor holds one of the jobs."""
    ids = list(jobs.filter(status__in=ACTIVE_STATES).order_by("pk").values_list("pk", flat=True)[:20])
    if ids:
        raise Refused(
            f"Jobs are under way: {', '.join(map(str, ids))}; wait for them or stop them with job:stop.",
            "jobs_active",
            details={"jobs": ids},
        )


def remove(jobs: QuerySet[Job]) -> dict[str, int]:
    """Delete the jobs, their artifacts, output and queue rows; returns counts. Call it in a transaction."""
    counts = {"jobs": 0, "artifacts": 0, "output_lines": 0}
    ids = list(jobs.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        counts["output_lines"] += _delete(JobOutputLine, job_id__in=batch)
        _delete(ArtifactChunk, artifact__in=Artifact.objects.filter(job_id__in=batch).values("pk"))
        counts["artifacts"] += _delete(Artifact, job_id__in=batch)
        for model in (CredentialUse, JobHistory, QueueEntry, JobLimit, FileStore, Outbox):
            _delete(model, job_id__in=batch)
        _forget(batch)
        counts["jobs"] += _delete(Job, pk__in=batch)
    return counts


def _forget(ids: Sequence[int]) -> None:
    """Empty the references other rows keep to the jobs."""
    Task.objects.filter(fulfilled_by_job_id__in=ids).update(fulfilled_by_job=None)
    RunTemplate.objects.filter(running_job_id__in=ids).update(running_job=None)
    Job.objects.filter(retry_of_id__in=ids).update(retry_of=None)
    Job.objects.filter(parent_job_id__in=ids).update(parent_job=None)


def _delete(model: type[Model], **condition: Any) -> int:
    rows = model._default_manager.filter(**condition)
    # Django's delete() would load every row to look for dependants, which are handled here.
    return rows._raw_delete(rows.db)
