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
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import Q

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


@dataclass(frozen=True, slots=True)
class PassResult:
    """What one pass did; `due` counts run templates, `more` tells that the batch was full."""

    due: int = 0
    jobs: int = 0
    failed: int = 0
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
        due, failures, jobs = _enqueue(_due(now), now, actor)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError as error:
        log.warning("a batch could not be enqueued and is repeated one by one", extra={"error": str(error)})
        due, failures, jobs = _one_by_one(now, actor)
    for template_id, problem in failures.items():
        _record_failure(template_id, problem, now)
    return PassResult(due, jobs, len(failures), more=due >= settings.MULTIFLEXI_SCHEDULER_BATCH)


def next_due(now: datetime) -> datetime | None:
    """The earliest instant after now at which a run template is due; one index entry is read."""
    rows = RunTemplate.objects.filter(next_schedule__gt=now).order_by("next_schedule")
    return rows.values_list("next_schedule", flat=True).first()


def _due(now: datetime) -> Q:
    return Q(next_schedule__lte=now) & (Q(schedule_retry_at__isnull=True) | Q(schedule_retry_at__lte=now))


def _enqueue(which: Q, now: datetime, actor: Actor) -> tuple[int, dict[int, Exception], int]:
    """One transaction; returns how many were due, the problem of each that could not be planned, and jobs made."""
    failures: dict[int, Exception] = {}
    with transaction.atomic():
        templates = list(
            backend().lock(RunTemplate.objects.filter(which).order_by("next_schedule"))[
                : settings.MULTIFLEXI_SCHEDULER_BATCH
            ]
        )
        if not templates:
            return 0, failures, 0
        templates.sort(key=lambda template: template.pk)
        companies = Company.objects.in_bulk({template.company_id for template in templates})
        waiting = _waiting(templates)
        plans = []
        for template in templates:
            template.company = companies[template.company_id]
            try:
                plans.append(_plan(template, now, waiting[template.pk]))
            except Exception as problem:
                failures[template.pk] = problem
        _store(plans, now, actor)
    for plan in plans:
        if plan.skipped_older:
            log.warning(
                "older missed windows are not recorded",
                extra={"runtemplate": plan.template.pk, "windows": plan.skipped_older},
            )
    return len(templates), failures, sum(len(plan.slots) for plan in plans)


def _one_by_one(now: datetime, actor: Actor) -> tuple[int, dict[int, Exception], int]:
    ids = RunTemplate.objects.filter(_due(now)).order_by("next_schedule", "pk").values_list("pk", flat=True)
    due, jobs, failures = 0, 0, {}
    for template_id in list(ids[: settings.MULTIFLEXI_SCHEDULER_BATCH]):
        try:
            found, failed, made = _enqueue(_due(now) & Q(pk=template_id), now, actor)
            due, jobs = due + found, jobs + made
            failures.update(failed)
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as problem:
            due += 1
            failures[template_id] = problem
    return due, failures, jobs


def _waiting(templates: Sequence[RunTemplate]) -> dict[int, _Waiting]:
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    rows = QueueEntry.objects.filter(runtemplate_id__in=[template.pk for template in templates])
    for template_id, status, task_id in rows.values_list("runtemplate_id", "job__status", "job__task_id"):
        if status != JobStatus.PENDING:
            counts[template_id][1] += 1
        elif task_id is not None:
            counts[template_id][0] += 1
    return defaultdict(_Waiting, {template_id: _Waiting(*pair) for template_id, pair in counts.items()})


def _plan(template: RunTemplate, now: datetime, waiting: _Waiting) -> _Plan:
    cadence = schedulable.cadence_of(template)
    first = template.next_schedule
    assert first is not None  # noqa: S101 - the due query asked for it
    due = cadence.due_slots(first, now, settings.MULTIFLEXI_BACKFILL_LIMIT)
    chosen = choose_slots(
        due.slots,
        now,
        template.catch_up,
        limit=settings.MULTIFLEXI_CATCHUP_LIMIT,
        grace=settings.MULTIFLEXI_MISFIRE_GRACE,
    )
    reason: str | None = NoJobReason.CATCH_UP
    if chosen and not overlap_allows(template.overlap, pending_regular=waiting.pending_regular, active=waiting.active):
        chosen, reason = [], NoJobReason.OVERLAP
    plan = _Plan(template, cadence.next_slot(now), slots=chosen, skipped_older=due.skipped_older)
    for slot in due.slots:
        end = cadence.window_end(slot)
        plan.tasks.append(
            Task(
                runtemplate_id=template.pk,
                company_id=template.company_id,
                window_start=slot,
                window_end=end,
                deadline=windows.deadline(template.deadline_offset, slot, end, cadence.zone),
                state=TaskState.OPEN if end > now else TaskState.MISSED,
                no_job_reason=None if slot in chosen else reason,
                created_at=now,
            )
        )
    return plan


def _store(plans: Sequence[_Plan], now: datetime, actor: Actor) -> None:
    _leave_out_what_exists(plans)
    Task.objects.bulk_create([task for plan in plans for task in plan.tasks if task.pk is None], batch_size=500)
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
    if not old_tasks:
        return
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
