"""The scheduler's pass: due run templates become tasks, jobs and queue rows, and their next slot is stored.

One transaction for a batch; when it fails its run templates are repeated one by one, so that only the culprit is left
out. `next_schedule` is compared when it is moved and (run template, slot) is unique, so any number of schedulers make
one job per slot.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Count, Q

from multiflexi.jobs import schedulable
from multiflexi.jobs.create import NewJob, create_jobs
from multiflexi.jobs.queue import backend
from multiflexi.models import (
    Company,
    JobStatus,
    NoJobReason,
    QueueEntry,
    RunTemplate,
    Task,
    TaskState,
)
from multiflexi.models import Job as JobModel
from multiflexi.record.actor import Actor
from multiflexi.scheduling import windows
from multiflexi.scheduling.intervals import INTERVALS
from multiflexi.scheduling.policy import choose_slots, overlap_allows
from multiflexi.scheduling.spread import jitter

log = logging.getLogger(__name__)
RETRY_FIRST, RETRY_AT_MOST = timedelta(minutes=1), timedelta(hours=1)
# After an outage one run template may have a thousand windows to record; a transaction ends early at this many.
TASKS_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class PassResult:
    """What one pass did; `due` counts run templates, `more` tells that the batch was full."""

    due: int = 0
    jobs: int = 0
    failed: int = 0
    more: bool = False


@dataclass(slots=True)
class _Batch:
    """One transaction: how many were due, jobs made, the problem of each that could not be planned."""

    due: int = 0
    jobs: int = 0
    failures: dict[int, Exception] = field(default_factory=dict)
    more: bool = False


@dataclass(slots=True)
class _Plan:
    """What becomes of one due run template."""

    template: RunTemplate
    following: datetime | None
    tasks: list[Task] = field(default_factory=list)
    slots: list[datetime] = field(default_factory=list)
    skipped_older: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Live jobs of a run template before the pass."""

    pending_regular: int = 0
    active: int = 0


def run_pass(actor: Actor) -> PassResult:
    """Enqueue what is due by the database's clock; `actor` is the scheduler in the name of the technical account."""
    now = backend().now()
    try:
        batch = _enqueue(_due(now), now, actor)
    except DatabaseError as error:
        if backend().is_passing(error):
            raise
        log.warning("a batch could not be enqueued and is repeated one by one", extra={"error": str(error)})
        batch = _one_by_one(now, actor)
    for template_id, problem in batch.failures.items():
        _record_failure(template_id, problem, now)
    return PassResult(batch.due, batch.jobs, len(batch.failures), batch.more)


def next_due(now: datetime) -> datetime | None:
    """The earliest instant after now at which a run template is due; one index entry is read."""
    rows = RunTemplate.objects.filter(next_schedule__gt=now).order_by("next_schedule")
    return rows.values_list("next_schedule", flat=True).first()


def _due(now: datetime) -> Q:
    return Q(next_schedule__lte=now) & (Q(schedule_retry_at__isnull=True) | Q(schedule_retry_at__lte=now))


def _enqueue(which: Q, now: datetime, actor: Actor) -> _Batch:
    """One transaction."""
    batch = _Batch()
    with transaction.atomic():
        templates = list(
            backend().lock(RunTemplate.objects.filter(which).order_by("next_schedule"))[
                : settings.MULTIFLEXI_SCHEDULER_BATCH
            ]
        )
        if not templates:
            return batch
        plans = _plans(templates, now, batch)
        batch.more = batch.due < len(templates) or len(templates) >= settings.MULTIFLEXI_SCHEDULER_BATCH
        _store(plans, now, actor)
    batch.jobs = sum(len(plan.slots) for plan in plans)
    for plan in plans:
        if plan.skipped_older:
            log.warning(
                "older missed windows are not recorded",
                extra={"runtemplate": plan.template.pk, "windows": plan.skipped_older},
            )
    return batch


def _plans(templates: Sequence[RunTemplate], now: datetime, batch: _Batch) -> list[_Plan]:
    """The plans of these run templates in id order; those beyond the limit of tasks stay due."""
    companies = Company.objects.in_bulk({template.company_id for template in templates})
    waiting = _waiting(templates)
    plans: list[_Plan] = []
    recorded = 0
    for template in templates:
        template.company = companies[template.company_id]
        try:
            plans.append(_plan(template, now, waiting[template.pk]))
            recorded += len(plans[-1].tasks)
        except Exception as problem:
            batch.failures[template.pk] = problem
        batch.due += 1
        if recorded >= TASKS_AT_MOST:
            break
    return sorted(plans, key=lambda plan: plan.template.pk)


def _one_by_one(now: datetime, actor: Actor) -> _Batch:
    rows = RunTemplate.objects.filter(_due(now)).order_by("next_schedule", "pk").values_list("pk", flat=True)
    ids = list(rows[: settings.MULTIFLEXI_SCHEDULER_BATCH])
    whole = _Batch(more=len(ids) >= settings.MULTIFLEXI_SCHEDULER_BATCH)
    for template_id in ids:
        try:
            batch = _enqueue(_due(now) & Q(pk=template_id), now, actor)
            whole.due, whole.jobs = whole.due + batch.due, whole.jobs + batch.jobs
            whole.failures |= batch.failures
        except DatabaseError as problem:
            if backend().is_passing(problem):
                raise
            whole.due += 1
            whole.failures[template_id] = problem
    return whole


def _waiting(templates: Sequence[RunTemplate]) -> defaultdict[int, _Waiting]:
    """Live jobs of those run templates whose overlap policy asks for them."""
    found: defaultdict[int, _Waiting] = defaultdict(_Waiting)
    ids = [template.pk for template in templates if template.is_serialised]
    waits = Q(job__status=JobStatus.PENDING)
    rows = QueueEntry.objects.filter(runtemplate_id__in=ids).order_by().values_list("runtemplate_id")
    # A job of a task is one with a slot, or a retry of one.
    counted = rows.annotate(
        regular=Count("pk", filter=waits & Q(job__task__isnull=False)), active=Count("pk", filter=~waits)
    )
    found.update({template_id: _Waiting(regular, active) for template_id, regular, active in counted})
    return found


def _plan(template: RunTemplate, now: datetime, waiting: _Waiting) -> _Plan:
    cadence = schedulable.cadence_of(template)
    first = template.next_schedule
    assert first is not None  # noqa: S101 - the due query asked for it
    most = max(settings.MULTIFLEXI_BACKFILL_LIMIT, settings.MULTIFLEXI_CATCHUP_LIMIT, 1)
    due = cadence.due_slots(first, now, most)
    wanted = choose_slots(
        due.slots,
        now,
        template.catch_up,
        limit=settings.MULTIFLEXI_CATCHUP_LIMIT,
        grace=settings.MULTIFLEXI_MISFIRE_GRACE,
    )
    allowed = overlap_allows(template.overlap, pending_regular=waiting.pending_regular, active=waiting.active)
    plan = _Plan(template, cadence.next_slot(now), slots=wanted if allowed else [], skipped_older=due.skipped_older)
    # The due slots follow one another: each window ends where the next one starts.
    ends = [*due.slots[1:], *(cadence.window_end(slot) for slot in due.slots[-1:])]
    for slot, end in zip(due.slots, ends, strict=True):
        reason = None if allowed else NoJobReason.OVERLAP
        plan.tasks.append(
            Task(
                runtemplate_id=template.pk,
                company_id=template.company_id,
                window_start=slot,
                window_end=end,
                deadline=windows.deadline(template.deadline_offset, slot, end, cadence.zone),
                state=TaskState.OPEN if end > now else TaskState.MISSED,
                no_job_reason=reason if slot in wanted else NoJobReason.CATCH_UP,
                created_at=now,
            )
        )
    _leave_out_old_windows(plan)
    return plan


def _leave_out_old_windows(plan: _Plan) -> None:
    """Of the elapsed windows without a job only the newest are recorded."""
    missed = [task for task in plan.tasks if task.state == TaskState.MISSED and task.window_start not in plan.slots]
    surplus = missed[: max(0, len(missed) - settings.MULTIFLEXI_BACKFILL_LIMIT)]
    plan.skipped_older += len(surplus)
    plan.tasks = [task for task in plan.tasks if task not in surplus] if surplus else plan.tasks


def _store(plans: Sequence[_Plan], now: datetime, actor: Actor) -> None:
    _leave_out_what_exists(plans)
    backend().insert([task for plan in plans for task in plan.tasks if task.pk is None])
    create_jobs([job for plan in plans for job in _new_jobs(plan, actor)], actor=actor, now=now)
    moved = backend().update_rows(
        RunTemplate,
        [
            (
                {
                    "next_schedule": plan.following,
                    "last_schedule": plan.slots[-1] if plan.slots else plan.template.last_schedule,
                    "schedule_error": None,
                    "schedule_failures": 0,
                    "schedule_retry_at": None,
                },
                {"id": plan.template.pk, "next_schedule": plan.template.next_schedule},
            )
            for plan in plans
        ],
    )
    if moved != len(plans):
        raise DatabaseError("another scheduler moved a run template of this batch meanwhile")


def _leave_out_what_exists(plans: Sequence[_Plan]) -> None:
    """Windows and slots that have their task or job already keep it: a schedule that was set back repeats nothing."""
    wanted = {(task.runtemplate_id, task.window_start) for plan in plans for task in plan.tasks}
    templates, instants = {pair[0] for pair in wanted}, {pair[1] for pair in wanted}
    old_tasks = {
        (template_id, start): task_id
        for task_id, template_id, start in Task.objects.filter(
            runtemplate_id__in=templates, window_start__in=instants
        ).values_list("pk", "runtemplate_id", "window_start")
        if (template_id, start) in wanted
    }
    # Also where no task is left: a job may outlive its task.
    done = set(
        JobModel.objects.filter(runtemplate_id__in=templates, slot__in=instants).values_list("runtemplate_id", "slot")
    )
    for plan in plans:
        for task in plan.tasks:
            task.pk = old_tasks.get((plan.template.pk, task.window_start))
        plan.slots = [slot for slot in plan.slots if (plan.template.pk, slot) not in done]


def _new_jobs(plan: _Plan, actor: Actor) -> Iterable[NewJob]:
    template = plan.template
    task_ids = {task.window_start: task.pk for task in plan.tasks}
    assert actor.user_id is not None  # noqa: S101 - the scheduler acts as the technical account
    for slot in plan.slots:
        yield NewJob(
            template,
            INTERVALS[template.interv].word,
            actor.user_id,
            after=slot + timedelta(seconds=template.delay + jitter(template.pk, slot, template.jitter)),
            slot=slot,
            task_id=task_ids[slot],
        )


def _record_failure(template_id: int, problem: Exception, now: datetime) -> None:
    template = RunTemplate.objects.filter(pk=template_id).first()
    if template is None:
        return
    failures = template.schedule_failures + 1
    pause = min(RETRY_FIRST * 2 ** min(failures - 1, 6), RETRY_AT_MOST)
    RunTemplate.objects.filter(pk=template_id).update(
        schedule_error=f"{type(problem).__name__}: {problem}"[:2000],
        schedule_failures=failures,
        schedule_retry_at=now + pause,
    )
    log.error(
        "a run template could not be scheduled",
        extra={"runtemplate": template_id, "company": template.company_id, "error": str(problem)},
    )
