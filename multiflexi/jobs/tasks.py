"""Tasks: the obligation of each window, opened by its slot and closed by its jobs or by its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, prefetch_related_objects

from multiflexi.jobs.queue import backend
from multiflexi.models import ACTIVE_STATES, Job, JobStatus, Task, TaskState

CLOSE_AT_MOST = 1000
UNFULFILLED = (TaskState.OPEN, TaskState.RUNNING)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one job of a task ended; `retried` tells that another job was made for the same task.

    `by_hand` tells that the job is none of the task's own: it may fulfil the task, and does nothing else to it.
    """

    job_id: int
    task_id: int
    status: JobStatus
    end: datetime
    started: bool
    retried: bool
    by_hand: bool = False


def start(task_ids: Iterable[int]) -> None:
    """Count an attempt of each task; an open one is running from now, a closed one stays closed."""
    ids = sorted(task_ids)
    if ids:
        Task.objects.filter(pk__in=ids).update(attempts=F("attempts") + 1)
        Task.objects.filter(pk__in=ids, state=TaskState.OPEN).update(state=TaskState.RUNNING)


def undo_start(task_ids: Iterable[int]) -> None:
    """Take an attempt back that turned out never to have begun."""
    ids = sorted(task_ids)
    if ids:
        Task.objects.filter(pk__in=ids, attempts__gt=0).update(attempts=F("attempts") - 1)
        Task.objects.filter(pk__in=ids, state=TaskState.RUNNING).update(state=TaskState.OPEN)


def finish(ended: Sequence[Ended]) -> None:
    """Carry the ends of jobs over to their tasks; call it in the transaction that ends the jobs."""
    if not ended:
        return
    rows = Task.objects.filter(pk__in=[one.task_id for one in ended])
    tasks = {task.pk: task for task in backend().lock_waiting(rows.order_by("pk"))}
    prefetch_related_objects(list(tasks.values()), "runtemplate")
    settled = {}
    for one in ended:
        task = tasks.get(one.task_id)
        if task is not None:
            _settle(task, one)
            settled[task.pk] = task
    _store(settled.values())


def fulfil_by_hand(successes: Sequence[tuple[int, int, datetime]]) -> None:
    """Let successes that belong to no task fulfil the task whose window is open at their end.

    Each is (run template, job, end), of a run template that lets runs by hand count. A late one counts where that is
    allowed; what the window's own job does later changes nothing any more. Call it in the transaction that ends the
    jobs, behind the lock of their run templates.
    """
    if not successes:
        return
    ends = [end for _template, _job, end in successes]
    rows = Task.objects.filter(
        runtemplate_id__in={template for template, _job, _end in successes},
        state__in=(*UNFULFILLED, TaskState.FAILED),
        window_start__lte=max(ends),
        window_end__gt=min(ends),
    )
    tasks = list(backend().lock_waiting(rows.order_by("pk")))
    prefetch_related_objects(tasks, "runtemplate")
    settled = {}
    for template_id, job_id, end in sorted(successes, key=lambda one: one[2]):
        for task in tasks:
            if task.runtemplate_id == template_id and task.window_start <= end < task.window_end:
                _settle(task, Ended(job_id, task.pk, JobStatus.SUCCESS, end, started=True, retried=False, by_hand=True))
                settled[task.pk] = task
    _store(settled.values())


def _store(tasks: Iterable[Task]) -> None:
    backend().update_rows(
        Task,
        [
            (
                {
                    "state": task.state,
                    "attempts": task.attempts,
                    "fulfilled_by_job": task.fulfilled_by_job_id,
                    "fulfilled_at": task.fulfilled_at,
                },
                {"id": task.pk},
            )
            for task in tasks
        ],
    )


def _settle(task: Task, ended: Ended) -> None:
    if task.state in (TaskState.FULFILLED, TaskState.FULFILLED_LATE) or ended.status == JobStatus.CANCELLED:
        return
    if not ended.started and ended.status in (JobStatus.FAILED, JobStatus.BLOCKED):
        task.attempts += 1
    if ended.status != JobStatus.SUCCESS:
        if task.state in UNFULFILLED:
            task.state = TaskState.OPEN if ended.retried else TaskState.FAILED
        return
    late = ended.end > task.deadline
    if late and ended.by_hand and not task.runtemplate.allow_late:
        return
    task.fulfilled_by_job_id, task.fulfilled_at = ended.job_id, ended.end
    if not late:
        task.state = TaskState.FULFILLED
    elif task.runtemplate.allow_late:
        task.state = TaskState.FULFILLED_LATE
    elif task.state in UNFULFILLED:
        # The job succeeded, the obligation did not: the job is kept for information.
        task.state = TaskState.FAILED


def close_elapsed(now: datetime, at_most: int = CLOSE_AT_MOST) -> int:
    """Close tasks whose window is over and that no job is working on: missed without an attempt, else failed."""
    working = Job.objects.filter(task=OuterRef("pk"), status__in=ACTIVE_STATES)
    elapsed = Task.objects.filter(state__in=UNFULFILLED, window_end__lte=now).exclude(Exists(working))
    ids = list(elapsed.order_by("pk").values_list("pk", flat=True)[:at_most])
    if not ids:
        return 0
    rows = Task.objects.filter(pk__in=ids, state__in=UNFULFILLED)
    return rows.filter(attempts=0).update(state=TaskState.MISSED) + rows.filter(attempts__gt=0).update(
        state=TaskState.FAILED
    )
