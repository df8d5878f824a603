"""The transaction that ends jobs: result, counters, task, retry, queue row, roll-up, history and audit together.

A batch is all or nothing. When it fails the caller repeats it job by job, so that one culprit holds nobody up.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from multiflexi.jobs import retry, tasks
from multiflexi.jobs.create import NewJob, create_jobs
from multiflexi.jobs.lifecycle import Move, move_within
from multiflexi.jobs.named_limits import free_places
from multiflexi.jobs.outcome import outcome_of, trigger_of
from multiflexi.jobs.overrides import open_overrides
from multiflexi.jobs.queue import backend
from multiflexi.models import (
    UNSUCCESSFUL_STATES,
    AppExitCode,
    Job,
    JobStatus,
    QueueEntry,
    RunTemplate,
    ScheduleType,
    Task,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.vault import envelope
from multiflexi.vault.errors import VaultError

log = logging.getLogger(__name__)
FINISHED = "job_finished"


@dataclass(slots=True)
class Completion:
    """How one job ends; `job` carries the claim we hold, `values` are further columns to write."""

    job: Job
    source: JobStatus
    target: JobStatus
    end: datetime
    exitcode: int | None = None
    exit_signal: int | None = None
    reason: str | None = None
    detail: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def started(self) -> bool:
        return self.source in (JobStatus.RUNNING, JobStatus.FINISHING)


def complete(batch: Sequence[Completion], *, actor: Actor) -> list[Job]:
    """End jobs in one transaction, rows in id order; returns the retries that were made.

    Raises StaleJobs when one of them is not ours any more, and whatever the database raises; nothing is stored then.
    """
    if not batch:
        return []
    batch = sorted(batch, key=lambda one: one.job.pk)
    now = backend().now()
    with transaction.atomic():
        _wait_for_claims(batch)
        move_within([_move(one) for one in batch], actor=actor, at=now)
        # Before the retries: an inserted job locks its run template for reading, so two of them could not write it.
        _count(batch)
        retries = _retry(batch, actor, now)
        tasks.finish(
            [
                tasks.Ended(
                    one.job.pk,
                    one.job.task_id,
                    one.target,
                    one.end,
                    one.started,
                    retried=one.job.pk in {again.retry_of_id for again in retries},
                )
                for one in batch
                if one.job.task_id is not None
            ]
        )
        tasks.fulfil_by_hand([found for one in batch if (found := _by_hand(one)) is not None])
        ids = [one.job.pk for one in batch]
        free_places(ids)
        QueueEntry.objects.filter(job_id__in=ids)._raw_delete("default")
        backend().add_outcomes(_rollup(batch))
        audit.write_many([_audit_entry(one, actor) for one in batch])
    return retries


def _by_hand(one: Completion) -> tuple[int, int, datetime] | None:
    """A success outside of the cadence that counts for the open window all the same."""
    template = one.job.runtemplate
    counts = one.target == JobStatus.SUCCESS and one.job.task_id is None and template and template.manual_fulfils
    return (template.pk, one.job.pk, one.end) if template and counts else None


def _wait_for_claims(batch: Sequence[Completion]) -> None:
    """A claim locks the queue row, then the job: whoever ends a job that still waits has to do it in that order."""
    waiting = [one.job.pk for one in batch if one.source == JobStatus.PENDING]
    if waiting:
        rows = QueueEntry.objects.filter(job_id__in=waiting).order_by("pk")
        list(backend().lock_waiting(rows).values_list("pk", flat=True))


def _move(one: Completion) -> Move:
    values = {
        "exitcode": one.exitcode,
        "exit_signal": one.exit_signal,
        "end": one.end,
        "failure_reason": one.reason,
        "reason_detail": one.detail,
        "staged_result": None,
        **cleared(one.job, "env", "overrides"),
        **one.values,
    }
    if one.target == JobStatus.BLOCKED:
        values |= {"block_reason": one.detail, "blocked_at": one.end}
    # An end whose results are stored together with it needs no commit of its own for its proof.
    via = JobStatus.FINISHING if one.source == JobStatus.RUNNING and one.target != JobStatus.LOST else None
    return Move(
        one.job.pk, one.job.claim, one.source, one.target, values, via=via, reason=one.reason, detail=one.detail
    )


def cleared(job: Job, *columns: str) -> dict[str, Any]:
    """Columns to write when the job has ended: their secrets go, unless the installation keeps them."""
    if settings.MULTIFLEXI_KEEP_JOB_SECRETS:
        # What was read at the start is not written back: the envelopes may have been sealed again meanwhile.
        return {}
    return {column: without_secrets(getattr(job, column)) for column in columns}


def without_secrets(stored: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The same without envelopes; names stay."""
    if not stored:
        return stored
    return {name: None if envelope.looks_sealed(value) else value for name, value in stored.items()}


def _count(batch: Sequence[Completion]) -> None:
    """Counters of the run templates, and the lock of those that this job held."""
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for one in batch:
        if one.job.runtemplate_id is None:
            continue
        counts[one.job.runtemplate_id][0] += one.target == JobStatus.SUCCESS
        counts[one.job.runtemplate_id][1] += one.target in UNSUCCESSFUL_STATES
    if not counts:
        return
    # Locked in the order of ids, which one UPDATE of several rows does not keep.
    list(backend().lock_waiting(RunTemplate.objects.filter(pk__in=counts).order_by("pk")).values_list("pk", flat=True))
    alike: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for template_id, found in counts.items():
        alike[tuple(found)].append(template_id)
    for (successes, failures), ids in alike.items():
        RunTemplate.objects.filter(pk__in=ids).update(
            successfull_jobs_count=F("successfull_jobs_count") + successes,
            failed_jobs_count=F("failed_jobs_count") + failures,
        )
    held = [one.job.pk for one in batch]
    RunTemplate.objects.filter(pk__in=list(counts), running_job_id__in=held).update(running_job=None)


def _retry(batch: Sequence[Completion], actor: Actor, now: datetime) -> list[Job]:
    failed = [one for one in batch if one.target in UNSUCCESSFUL_STATES and one.job.runtemplate_id is not None]
    templates = RunTemplate.objects.filter(max_retries__gt=0).in_bulk([one.job.runtemplate_id for one in failed])
    failed = [one for one in failed if one.job.runtemplate_id in templates]
    if not failed:
        return []
    declared = _declared(failed)
    windows = Task.objects.in_bulk([one.job.task_id for one in failed if one.job.task_id])
    wanted = []
    for one in failed:
        job, template = one.job, templates[one.job.runtemplate_id]
        if (job.options or {}).get("no_retry") or not template.active:
            continue
        flag = declared.get((job.app_id, one.exitcode))
        after = now + retry.delay(template, job.attempt)
        if retry.is_retryable(
            one.target, one.exitcode, one.reason, attempt=job.attempt, runtemplate=template, declared=flag
        ) and retry.fits(after, windows.get(job.task_id), template):
            try:
                wanted.append(_again(job, template, after))
            except VaultError as problem:
                # The job has ended all the same: what cannot be read must not keep it from being recorded.
                log.error("a job is not retried", extra={"job": job.pk, "error": str(problem)})
    return create_jobs(wanted, actor=actor, now=now)


def _declared(failed: Sequence[Completion]) -> dict[tuple[int, int | None], bool | None]:
    rows = AppExitCode.objects.filter(
        app_id__in={one.job.app_id for one in failed}, exit_code__in={one.exitcode for one in failed if one.exitcode}
    )
    return {(app_id, code): flag for app_id, code, flag in rows.values_list("app_id", "exit_code", "retry")}


def _again(job: Job, template: RunTemplate, after: datetime) -> NewJob:
    return NewJob(
        template,
        ScheduleType.RETRY,
        job.launched_by_id,
        after=after,
        executor=job.executor,
        task_id=job.task_id,
        attempt=job.attempt + 1,
        retry_of_id=job.pk,
        parent_job_id=job.parent_job_id,
        overrides=open_overrides(job.overrides, job.pk),
        options=job.options,
    )


def _rollup(batch: Sequence[Completion]) -> list[dict[str, Any]]:
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in batch:
        job = one.job
        if job.runtemplate_id is None or one.target == JobStatus.CANCELLED:
            continue
        outcome, trigger = outcome_of(one.target, one.exitcode).value, trigger_of(job).value
        hour = one.end.replace(minute=0, second=0, microsecond=0)
        duration = _seconds(one.end, job.begin)
        row = groups.setdefault(
            (job.runtemplate_id, hour, outcome, trigger),
            {
                "runtemplate_id": job.runtemplate_id,
                "company_id": job.company_id,
                "app_id": job.app_id,
                "hour": hour,
                "outcome": outcome,
                "trigger_kind": trigger,
                "count": 0,
                "duration_sum": Decimal(0),
                "duration_min": duration,
                "duration_max": duration,
                "wait_sum": Decimal(0),
            },
        )
        row["count"] += 1
        row["duration_sum"] += duration
        row["duration_min"] = min(row["duration_min"], duration)
        row["duration_max"] = max(row["duration_max"], duration)
        row["wait_sum"] += _seconds(job.begin or one.end, job.schedule)
    return list(groups.values())


def _seconds(later: datetime, earlier: datetime | None) -> Decimal:
    if earlier is None or later <= earlier:
        return Decimal(0)
    return Decimal(round((later - earlier).total_seconds(), 3)).quantize(Decimal("0.001"))


def _audit_entry(one: Completion, actor: Actor) -> Any:
    return audit.entry(
        actor,
        "run",
        one.job,
        event_type=FINISHED,
        description=f"Job finish #{one.job.pk}",
        data={"status": one.target.value, "exitcode": one.exitcode, "reason": one.reason},
    )
