"""The writes of the scheduler's pass as bare SQL: no cadence, no policy, no look at what is there already.

Twice: with rows that a client sends, as every scheduler must that decides for each run template; and with rows that
never leave the database, which nobody can undercut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction

from bench.frame import seed, setwise
from multiflexi.models import Job, JobHistory, JobStatus, QueueEntry, RunTemplate, ScheduleType, Task

BATCH, ROWS_PER_STATEMENT = 1000, 500
COPIED = ("id", "company_id", "app_id", "executor", "version")

Write = Callable[[Sequence[tuple[Any, ...]], datetime, datetime], None]


def enqueue_all(slot: datetime, write: Write) -> None:
    """Task, job, queue row, history and the next slot of every run template that is due, a transaction per batch."""
    due = RunTemplate.objects.filter(next_schedule__lte=slot).order_by("next_schedule")
    following = slot + timedelta(days=1)
    has_locks = connection.features.has_select_for_update_skip_locked
    while True:
        with transaction.atomic():
            batch = due.select_for_update(skip_locked=True) if has_locks else due
            rows = sorted(batch.values_list(*COPIED)[:BATCH])
            if not rows:
                return
            write(rows, slot, following)
            moved = RunTemplate.objects.filter(pk__in=[row[0] for row in rows])
            moved.update(next_schedule=following, last_schedule=slot)


def send(rows: Sequence[tuple[Any, ...]], slot: datetime, following: datetime) -> None:
    """Rows as values, many in a statement."""
    task, job, entry, step = _likes(slot, following)
    tasks, jobs = (_next_ids(model, len(rows)) for model in (Task, Job))
    owned = [{"runtemplate_id": row[0], "company_id": row[1]} for row in rows]
    _insert(task, [one | {"id": pk} for one, pk in zip(owned, tasks, strict=True)])
    made = [
        one | {"id": pk, "task_id": of, "app_id": row[2], "executor": row[3], "runtemplate_version": row[4]}
        for one, row, pk, of in zip(owned, rows, jobs, tasks, strict=True)
    ]
    _insert(job, made)
    shared = _columns_of_both()
    _insert(entry, [{name: one[name] for name in shared if name in one} | {"job_id": one["id"]} for one in made])
    _insert(step, [{"job_id": pk} for pk in jobs])


def derive(rows: Sequence[tuple[Any, ...]], slot: datetime, following: datetime) -> None:
    """Rows made by the database out of those it has."""
    task, job, entry, step = _likes(slot, following)
    ids = ", ".join(str(row[0]) for row in rows)
    owners = {"runtemplate_id": "r.id", "company_id": "r.company_id"}
    setwise.insert(task, owners, f"runtemplate r WHERE r.id IN ({ids})")
    copied = {"app_id": "r.app_id", "executor": "r.executor", "runtemplate_version": "r.version", "task_id": "t.id"}
    instant = connection.ops.adapt_datetimefield_value(slot)
    window = f"task t ON t.runtemplate_id = r.id AND t.window_start = '{instant}'"
    setwise.insert(job, owners | copied, f"runtemplate r JOIN {window} WHERE r.id IN ({ids})")
    made = f"job j WHERE j.runtemplate_id IN ({ids}) AND j.slot = '{instant}'"
    setwise.insert(entry, {name: f"j.{name}" for name in _columns_of_both()} | {"job_id": "j.id"}, made)
    setwise.insert(step, {"job_id": "j.id"}, made)


def _likes(slot: datetime, following: datetime) -> tuple[Task, Job, QueueEntry, JobHistory]:
    """What all rows of a batch have in common."""
    author = seed.actor()
    return (
        Task(window_start=slot, window_end=following, deadline=following),
        Job(slot=slot, schedule=slot, schedule_type=ScheduleType.DAILY, launched_by_id=author.user_id),
        QueueEntry(after=slot),
        JobHistory(to_status=JobStatus.PENDING, actor=author.label),
    )


def _columns_of_both() -> list[str]:
    """What a queue row repeats of its job."""
    known = {field.column for field in Job._meta.concrete_fields} - {"id"}
    return [field.column for field in QueueEntry._meta.concrete_fields if field.column in known]


def _next_ids(model: type[models.Model], number: int) -> range:
    first = (model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0) + 1
    return range(first, first + number)


def _insert(like: models.Model, rows: Sequence[Mapping[str, Any]]) -> None:
    fixed = setwise.values_of(like)
    names = [*rows[0], *(name for name in fixed if name not in rows[0])]
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(like._meta.db_table)} ({', '.join(map(quote, names))}) VALUES "
    one = f"({', '.join(['%s'] * len(names))})"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            part = [fixed | row for row in rows[start : start + ROWS_PER_STATEMENT]]
            cursor.execute(into + ", ".join([one] * len(part)), [row[name] for row in part for name in names])
