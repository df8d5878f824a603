"""A person repeats a job whatever the rule of automatic retries says."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from datetime import timedelta

import pytest

from multiflexi.models import AppExitCode, FailureReason, Job, JobStatus, QueueEntry, RunTemplate, Task, TaskState
from multiflexi.record.actor import Actor
from multiflexi.services import job
from tests.integration.jobs.builders import NOON, claim, finish, finishing, queue
from tests.integration.jobs.conftest import clock, worker  # noqa: F401

S = JobStatus
REFUSED_BY_THE_RULE = {
    "succeeded": (S.SUCCESS, 0, None),
    "not among the codes": (S.FAILED, 2, None),
    "declared as final": (S.FAILED, 3, None),
    "stopped by a person": (S.TERMINATED, 143, FailureReason.STOPPED),
    "no attempts left": (S.FAILED, 77, None),
}


@pytest.fixture
def task(template: RunTemplate) -> Task:
    """A window that is over, with its deadline."""
    return Task.objects.create(
        runtemplate=template,
        company=template.company,
        window_start=NOON - timedelta(days=3),
        window_end=NOON - timedelta(days=2),
        deadline=NOON - timedelta(days=2, hours=12),
    )


@pytest.mark.parametrize("kind", REFUSED_BY_THE_RULE)
def test_whatever_the_end(kind, template, task, operator: Actor, app, worker) -> None:
    status, code, reason = REFUSED_BY_THE_RULE[kind]
    RunTemplate.objects.update(max_retries=0, retry_on_exit_codes=[77])
    AppExitCode.objects.create(app=app, exit_code=3, retry=False)
    queue(template, after=NOON, task_id=task.pk, slot=task.window_start, overrides={"CITY": "Brno"})
    [first] = finishing(worker, NOON)
    assert finish(first, status, NOON, code, reason=reason) == []

    made = job.retry(operator, Job.objects.select_related("runtemplate").get())

    assert (made.status, made.attempt, made.retry_of_id, made.task_id) == (S.PENDING, 2, first.pk, task.pk)
    assert (made.slot, made.schedule_type, made.overrides) == (None, "retry", {"CITY": "Brno"})
    assert QueueEntry.objects.get().after <= NOON


@pytest.mark.parametrize("allow_late", [False, True])
def test_its_success_counts_late_only_where_late_is_allowed(
    allow_late, template, task, operator: Actor, worker
) -> None:
    RunTemplate.objects.update(allow_late=allow_late)
    queue(template, after=NOON, task_id=task.pk)
    [first] = finishing(worker, NOON)
    finish(first, S.FAILED, NOON)
    job.retry(operator, Job.objects.select_related("runtemplate").get())
    [again] = finishing(worker, NOON)
    finish(again, S.SUCCESS, NOON)
    task.refresh_from_db()
    assert task.state == (TaskState.FULFILLED_LATE if allow_late else TaskState.FAILED)


def test_of_one_that_was_blocked(template, operator: Actor, worker) -> None:
    queue(template, after=NOON)
    [first] = claim(worker)
    assert finish(first, S.BLOCKED, NOON) == []
    assert job.retry(operator, Job.objects.select_related("runtemplate").get()).attempt == 2
