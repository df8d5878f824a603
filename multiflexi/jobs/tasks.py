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
    """How one job of a task ended; `retried` tells that another job was made for the same task."""

    job_id: int
    task_id: int
    status: JobStatus
    end: datetime
    started: bool
    retried: bool


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
            for task in settled.values()
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
