"""Which ends are repeated, when, and as what."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from multiflexi.jobs import completion, retry
from multiflexi.models import AppExitCode, FailureReason, Job, JobStatus, QueueEntry, RunTemplate, Task
from tests.integration.jobs.builders import NOON, begin, claim, end, finish, finishing, fresh, queue, stage, unscheduled

S = JobStatus
STOPPED, SHUTDOWN, LIMIT = FailureReason.STOPPED, FailureReason.SHUTDOWN, FailureReason.OUTPUT_LIMIT


@pytest.fixture(autouse=True)
def _keys(ring):
    pass


# status, exit code, reason, codes of the run template, flag of the manifest, whether it is repeated
RULE = [
    (S.SUCCESS, 0, None, None, None, False),
    (S.SUCCESS, 0, None, [0], None, False),
    (S.FAILED, 1, None, None, None, True),
    (S.FAILED, 2, None, None, True, True),
    (S.FAILED, 2, None, None, False, False),
    (S.FAILED, 2, None, [2], False, True),
    (S.FAILED, 2, None, [3, 4], None, False),
    (S.FAILED, 2, None, [3, 4], True, False),
    (S.FAILED, 2, None, [], None, True),
    (S.FAILED, 137, FailureReason.OUT_OF_MEMORY, None, None, True),
    (S.FAILED, 127, FailureReason.START_FAILED, None, None, True),
    (S.FAILED, 127, FailureReason.START_FAILED, None, False, False),
    (S.FAILED, 255, None, None, None, True),
    (S.FAILED, -1, FailureReason.EXECUTOR_UNAVAILABLE, None, None, True),
    (S.FAILED, -1, FailureReason.IMAGE_UNAVAILABLE, [2], False, True),
    (S.TIMEOUT, 124, FailureReason.TIMEOUT, None, None, True),
    (S.TIMEOUT, 124, FailureReason.TIMEOUT, [2], None, False),
    (S.TIMEOUT, 124, FailureReason.TIMEOUT, [124], None, True),
    (S.LOST, -1, FailureReason.LOST, None, None, True),
    (S.LOST, -1, FailureReason.LOST, [2], False, True),
    (S.TERMINATED, 143, STOPPED, None, None, False),
    (S.TERMINATED, 143, STOPPED, [143], True, False),
    (S.TERMINATED, 143, SHUTDOWN, None, None, True),
    (S.TERMINATED, 143, SHUTDOWN, [2], False, True),
    (S.TERMINATED, 143, FailureReason.CUT_OFF, [2], False, True),
    (S.TERMINATED, 143, LIMIT, [143], True, False),
    (S.BLOCKED, None, FailureReason.CREDENTIAL_MISCONFIGURED, None, None, False),
    (S.CANCELLED, None, FailureReason.CANCELLED, None, None, False),
]


@pytest.mark.parametrize(("status", "code", "reason", "codes", "declared", "expected"), RULE)
def test_rule(status, code, reason, codes, declared, expected):
    one = RunTemplate(max_retries=2, retry_on_exit_codes=codes)
    asked = {"runtemplate": one, "declared": declared}
    assert retry.is_retryable(status, code, reason, attempt=1, **asked) is expected
    assert retry.is_retryable(status, code, reason, attempt=2, **asked) is expected
    assert not retry.is_retryable(status, code, reason, attempt=3, **asked)


def test_without_retries_nothing_is_repeated():
    assert not retry.is_retryable(S.LOST, -1, None, attempt=1, runtemplate=RunTemplate(), declared=None)


@pytest.mark.parametrize(
    ("backoff", "base", "expected"),
    [
        ("none", 10, [10, 10, 10, 10]),
        ("fixed", 10, [10, 10, 10, 10]),
        ("linear", 10, [10, 20, 30, 40]),
        ("exponential", 10, [10, 20, 40, 80]),
        ("exponential", 40_000, [40_000, 80_000, 86_400, 86_400]),
        ("linear", 0, [0, 0, 0, 0]),
    ],
)
def test_pause(backoff, base, expected):
    one = RunTemplate(retry_delay=base, retry_backoff=backoff)
    draws = [retry.delay(one, number, draw=random.Random(seed)) for seed in range(50) for number in range(1, 5)]
    for number, seconds in enumerate(expected):
        found = [draw.total_seconds() for draw in draws[number::4]]
        longest = min(1.1 * seconds, 86_400)
        assert all(0.9 * seconds <= pause <= longest for pause in found)
        if 0 < seconds < 86_400:
            assert min(found) < 0.95 * seconds
            assert max(found) > 0.95 * longest


def test_pause_of_a_late_attempt_does_not_overflow():
    one = RunTemplate(retry_delay=60, retry_backoff="exponential")
    assert retry.delay(one, 4_000_000) == timedelta(days=1)


@pytest.mark.parametrize(
    ("second", "allow_late", "expected"),
    [
        (30, False, True),
        (30.000001, False, False),
        (30.000001, True, True),
        (60, False, False),
        (60, True, True),
        (60.000001, True, False),
    ],
)
def test_next_start_is_bound_by_the_deadline_or_with_late_allowed_by_the_window(second, allow_late, expected):
    task = Task(window_start=NOON, deadline=NOON + timedelta(seconds=30), window_end=NOON + timedelta(seconds=60))
    start = NOON + timedelta(seconds=second)
    assert retry.fits(start, task, RunTemplate(allow_late=allow_late)) is expected
    assert retry.fits(start + timedelta(days=9), None, RunTemplate(allow_late=allow_late))


class TestRetryJob:
    @pytest.fixture
    def one(self, company, app, robot) -> RunTemplate:
        return unscheduled(company, app, overlap="allow", max_retries=2, retry_delay=100, priority=-3)

    def ended(self, one, worker, **more) -> tuple[Job, list[Job]]:
        queue(one, after=NOON, **more)
        [job] = finishing(worker, NOON, places=1)
        return job, finish(job, S.FAILED, NOON)

    def test_is_a_new_row_of_the_same_kind(self, one, worker, company, clock, robot):
        task = Task.objects.create(
            runtemplate=one,
            company=company,
            window_start=NOON,
            window_end=NOON + timedelta(hours=1),
            deadline=NOON + timedelta(hours=1),
        )
        clock.set(NOON + timedelta(minutes=1))
        job, [again] = self.ended(
            one, worker, task_id=task.pk, slot=NOON, overrides={"CITY": "Brno"}, options={"a": 1}, executor="Native"
        )
        [again] = fresh([again])
        assert (again.retry_of_id, again.attempt, again.task_id, again.slot) == (job.pk, 2, task.pk, None)
        assert (again.schedule_type, again.status, again.claim) == ("retry", S.PENDING, 0)
        assert (again.overrides, again.options, again.executor) == ({"CITY": "Brno"}, {"a": 1}, "Native")
        assert again.launched_by_id == job.launched_by_id
        pause = (again.schedule - clock.instant).total_seconds()
        assert 90 <= pause <= 110
        entry = QueueEntry.objects.get(job=again)
        assert (entry.after, entry.worker_id, entry.priority) == (again.schedule, None, -3)
        assert again.history.get().to_status == S.PENDING

    def test_ends_with_the_last_attempt(self, one, worker, clock):
        queue(one, after=NOON)
        attempts = []
        while True:
            clock.forward(minutes=5)
            jobs = stage(begin(claim(worker), clock.instant))
            if not jobs:
                break
            attempts.append(jobs[0].attempt)
            finish(jobs[0], S.FAILED, clock.instant)
        assert attempts == [1, 2, 3]
        one.refresh_from_db()
        assert one.failed_jobs_count == 3

    @pytest.mark.parametrize(("flag", "repeated"), [(None, True), (True, True), (False, False)])
    def test_asks_the_definition_about_the_code(self, flag, repeated, one, worker, app):
        AppExitCode.objects.create(app=app, exit_code=2, retry=flag)
        AppExitCode.objects.create(app=app, exit_code=3, retry=not flag)
        _, again = self.ended(one, worker)
        assert bool(again) is repeated

    def test_is_not_made_for_a_run_template_that_was_switched_off(self, one, worker):
        RunTemplate.objects.update(active=False)
        assert self.ended(one, worker)[1] == []

    def test_is_not_made_when_the_caller_wanted_none(self, one, worker):
        assert self.ended(one, worker, options={"no_retry": True})[1] == []

    def test_of_a_serialised_run_template_can_be_claimed_at_once(self, one, worker, clock):
        RunTemplate.objects.update(overlap="queue-one", retry_delay=0)
        _, [again] = self.ended(one, worker)
        clock.forward(seconds=1)
        assert [job.pk for job in claim(worker)] == [again.pk]

    @pytest.mark.parametrize(
        ("deadline", "allow_late", "repeated"),
        [(120, False, True), (80, False, False), (80, True, True), (0, True, True)],
    )
    def test_must_start_in_time(self, deadline, allow_late, repeated, one, worker, company, robot):
        RunTemplate.objects.update(allow_late=allow_late)
        task = Task.objects.create(
            runtemplate=one,
            company=company,
            window_start=NOON - timedelta(hours=1),
            window_end=NOON + timedelta(seconds=200),
            deadline=NOON + timedelta(seconds=deadline),
        )
        _, again = self.ended(one, worker, task_id=task.pk)
        assert bool(again) is repeated
        task.refresh_from_db()
        assert task.state == ("open" if repeated else "failed")

    def test_with_late_allowed_must_start_inside_the_window(self, one, worker, company):
        RunTemplate.objects.update(allow_late=True)
        task = Task.objects.create(
            runtemplate=one,
            company=company,
            window_start=NOON - timedelta(hours=1),
            window_end=NOON + timedelta(seconds=80),
            deadline=NOON,
        )
        assert self.ended(one, worker, task_id=task.pk)[1] == []

    def test_batch_mixes_what_is_repeated_and_what_is_not(self, one, worker, robot):
        queue(one, after=NOON, number=4)
        jobs = finishing(worker, NOON)
        targets = [S.SUCCESS, S.FAILED, S.TERMINATED, S.TIMEOUT]
        made = completion.complete([end(*pair, NOON) for pair in zip(jobs, targets, strict=True)], actor=robot)
        assert [again.retry_of_id for again in made] == [jobs[1].pk, jobs[3].pk]
