"""Why a run template runs, waits or did not start, and what became of its last slots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from multiflexi.jobs import schedulable
from multiflexi.jobs.queue import backend
from multiflexi.jobs.rows import Assigned, of_templates
from multiflexi.models import LIVE_STATES, Job, JobStatus, NoJobReason, RunTemplate, Task, TaskState, Worker
from multiflexi.record.actor import Actor
from multiflexi.services.explain import daemons
from multiflexi.services.explain.reason import Reason, rows
from multiflexi.services.explain.waiting import SHOWN_JOBS, waits_for

SLOTS = 5

NO_JOB: dict[str, str | Promise] = {
    NoJobReason.CATCH_UP: gettext_lazy("No job was made: the run was missed, and its policy leaves it out."),
    NoJobReason.OVERLAP: gettext_lazy("No job was made: the run before it had not ended."),
    NoJobReason.PAUSED: gettext_lazy("No job was made: the run template was paused."),
}


def explain(actor: Actor, template: RunTemplate) -> dict[str, Any]:
    """Explain a run template the actor sees, with its application and company loaded.

    `state` is running, waiting, scheduled or unscheduled, the first that is true.
    """
    now = backend().now()
    live = list(
        Job.objects.filter(runtemplate=template, status__in=LIVE_STATES)
        .select_related("company", "runtemplate", "queue_entry")
        .order_by("pk")[:SHOWN_JOBS]
    )
    assigned, workers = of_templates([template]), daemons.living()
    return {
        "runtemplate_id": template.pk,
        "state": _state(template, live),
        "next_schedule": template.next_schedule,
        "reasons": rows([*_schedule(template, now, assigned, workers), *_jobs(actor, live, now, assigned, workers)]),
        "last_slots": _slots(template),
    }


def _state(template: RunTemplate, live: Sequence[Job]) -> str:
    if any(job.status != JobStatus.PENDING for job in live):
        return "running"
    if live:
        return "waiting"
    return "scheduled" if template.next_schedule else "unscheduled"


def _schedule(template: RunTemplate, now: datetime, assigned: Assigned, workers: Sequence[Worker]) -> Iterator[Reason]:
    """Why it is not scheduled, or why a slot that is due has no job yet."""
    obstacles = schedulable.reasons(template, assigned)
    for text in obstacles:
        yield Reason("unscheduled", text)
    if template.schedule_error:
        yield Reason("error", template.schedule_error, next_try=template.schedule_retry_at)
    if obstacles:
        return
    yield from daemons.no_scheduler(workers)
    if template.next_schedule is None:
        yield Reason("no_slot", _("Its schedule has no further slot."))
    elif template.next_schedule <= now:
        yield Reason("due", _("It is due; the scheduler makes the job next."), since=template.next_schedule)


def _jobs(
    actor: Actor, live: Sequence[Job], now: datetime, assigned: Assigned, workers: Sequence[Worker]
) -> Iterator[Reason]:
    """What its jobs do; of several that wait the first one tells for all."""
    active = tuple(job.pk for job in live if job.status != JobStatus.PENDING)
    if active:
        text = _("Jobs under way: %(jobs)s.") % {"jobs": ", ".join(map(str, active))}
        yield Reason("running", text, jobs=active)
    pending = [job for job in live if job.status == JobStatus.PENDING]
    if pending:
        text = _("Job %(job)d waits.") % {"job": pending[0].pk}
        yield Reason("pending", text, since=pending[0].created_at, jobs=tuple(job.pk for job in pending))
        yield from waits_for(actor, pending[0], now, assigned[pending[0].runtemplate_id or 0], workers)


def _slots(template: RunTemplate) -> list[dict[str, Any]]:
    tasks = list(Task.objects.filter(runtemplate=template).order_by("-window_start")[:SLOTS])
    jobs: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    found = Job.objects.filter(task__in=tasks).order_by("pk")
    for task_id, job_id, status in found.values_list("task_id", "pk", "status"):
        jobs[task_id].append((job_id, status))
    return [
        {
            "slot": task.window_start,
            "state": task.state,
            "reason": task.no_job_reason,
            "detail": _what_became(task, jobs[task.pk]),
            "jobs": [job_id for job_id, _status in jobs[task.pk]],
        }
        for task in tasks
    ]


def _what_became(task: Task, jobs: Sequence[tuple[int, str]]) -> str:
    if task.no_job_reason:
        return str(NO_JOB[task.no_job_reason])
    told = [f"#{job_id} {JobStatus(status).label}" for job_id, status in jobs]
    return ", ".join([str(TaskState(task.state).label), *told])
