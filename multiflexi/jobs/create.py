"""Creation of jobs: job, queue row and history in one transaction, the same way for every caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from multiflexi.jobs import mandate
from multiflexi.jobs.overrides import sealed_overrides
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import Job, JobStatus, QueueEntry, RunTemplate, ScheduleType
from multiflexi.record import history
from multiflexi.record.actor import Actor


@dataclass(slots=True)
class NewJob:
    """A job to be made; `after` is when it may start, `slot` the due instant it belongs to, None for all others."""

    runtemplate: RunTemplate
    schedule_type: str
    launched_by_id: int
    after: datetime
    executor: str | None = None
    slot: datetime | None = None
    task_id: int | None = None
    attempt: int = 1
    retry_of_id: int | None = None
    parent_job_id: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] | None = None
    note: str | None = None


def create_jobs(wanted: Sequence[NewJob], *, actor: Actor, now: datetime) -> list[Job]:
    """Insert pending jobs with their queue rows.

    The environment is not resolved here; only one-time overrides are kept, secret ones sealed. Raises IntegrityError
    when a slot has its job already.
    """
    if not wanted:
        return []
    # Without a savepoint: nobody goes on with a part of this.
    with transaction.atomic(savepoint=False):
        jobs = [_job(one, now) for one in wanted]
        backend().insert(jobs)
        backend().insert([_queue_row(job, one) for job, one in zip(jobs, wanted, strict=True)])
        backend().insert([history.row(job.pk, None, JobStatus.PENDING, actor=actor, at=now) for job in jobs])
        for job, one in zip(jobs, wanted, strict=True):
            if one.overrides:
                job.overrides = sealed_overrides(one.runtemplate, job.pk, one.overrides)
                job.save(update_fields=["overrides"])
        backend().hint(Topic.QUEUE)
    return jobs


def create_job(
    runtemplate: RunTemplate,
    *,
    actor: Actor,
    schedule_type: str = ScheduleType.ADHOC,
    after: datetime | None = None,
    overrides: Mapping[str, str] | None = None,
    executor: str | None = None,
    retry_of: Job | None = None,
    note: str | None = None,
) -> Job:
    """Make one job that does not belong to the cadence; without `after` it is due now.

    The caller has checked that the run template may be run. Raises ValueError when nobody is known to have asked:
    every job belongs to an account.
    """
    if actor.user_id is None:
        raise ValueError("A job needs the account that asked for it.")
    now = backend().now()
    wanted = NewJob(
        runtemplate,
        schedule_type,
        actor.user_id,
        after=max(after, now) if after else now,
        executor=executor,
        overrides=overrides or {},
        options=mandate.options_of(actor),
        note=note,
    )
    if retry_of:
        wanted.retry_of_id, wanted.attempt, wanted.task_id = retry_of.pk, retry_of.attempt + 1, retry_of.task_id
    return create_jobs([wanted], actor=actor, now=now)[0]


def _job(wanted: NewJob, now: datetime) -> Job:
    runtemplate = wanted.runtemplate
    return Job(
        app_id=runtemplate.app_id,
        company_id=runtemplate.company_id,
        runtemplate_id=runtemplate.pk,
        runtemplate_version=runtemplate.version,
        task_id=wanted.task_id,
        launched_by_id=wanted.launched_by_id,
        retry_of_id=wanted.retry_of_id,
        parent_job_id=wanted.parent_job_id,
        slot=wanted.slot,
        attempt=wanted.attempt,
        schedule_type=wanted.schedule_type,
        schedule=wanted.after,
        executor=wanted.executor or runtemplate.executor,
        options=wanted.options,
        note=wanted.note,
        created_at=now,
    )


def _queue_row(job: Job, wanted: NewJob) -> QueueEntry:
    return QueueEntry(
        job_id=job.pk,
        after=wanted.after,
        runtemplate_id=job.runtemplate_id,
        company_id=job.company_id,
        app_id=job.app_id,
        executor=job.executor,
        priority=wanted.runtemplate.priority,
    )
