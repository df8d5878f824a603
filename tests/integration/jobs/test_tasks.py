"""Tasks follow their jobs, and their windows end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from multiflexi.jobs import completion, create, tasks
from multiflexi.jobs.claiming import Release, release
from multiflexi.models import JobStatus, RunTemplate, Task, TaskState
from tests.integration.jobs.builders import NOON, begin, claim, end, finish, fresh, queue, stage, unscheduled

S, T = JobStatus, TaskState
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _keys(ring):
    pass


@pytest.fixture
def one(company, app) -> RunTemplate:
    return unscheduled(company, app, overlap="allow")


@pytest.fixture
def task(one, company) -> Task:
    """A window of an hour, to be fulfilled within half of it."""
    return Task.objects.create(
        runtemplate=one,
        company=company,
        window_start=NOON,
        window_end=NOON + 60 * MINUTE,
        deadline=NOON + 30 * MINUTE,
    )


def started(task: Task, worker, **more):
    [job] = queue(task.runtemplate, after=NOON, task_id=task.pk, **more)
    return begin(claim(worker, only=job.pk), NOON)[0]


def staged(task: Task, worker, **more):
    return stage([started(task, worker, **more)])[0]


def state(task: Task) -> tuple[str, int]:
    task.refresh_from_db()
    return task.state, task.attempts


class TestJobs:
    def test_waiting_and_claimed_jobs_leave_the_task_open(self, task, worker):
        queue(task.runtemplate, after=NOON, task_id=task.pk)
        claim(worker)
        assert state(task) == (T.OPEN, 0)

    def test_a_start_runs_it(self, task, worker):
        started(task, worker)
        assert state(task) == (T.RUNNING, 1)

    @pytest.mark.parametrize("closed", [T.MISSED, T.FAILED, T.FULFILLED])
    def test_a_start_does_not_reopen_a_closed_one(self, closed, task, worker):
        Task.objects.update(state=closed)
        started(task, worker)
        assert state(task) == (closed, 1)

    def test_an_undone_start_did_not_happen(self, task, worker, robot):
        job = started(task, worker)
        release([Release(job.pk, job.claim, S.RUNNING)], actor=robot)
        tasks.undo_start([task.pk])
        assert state(task) == (T.OPEN, 0)

    @pytest.mark.parametrize(
        ("minute", "allow_late", "expected"),
        [
            (29, False, T.FULFILLED),
            (30, False, T.FULFILLED),
            (31, True, T.FULFILLED_LATE),
            (31, False, T.FAILED),
            (90, True, T.FULFILLED_LATE),
        ],
    )
    def test_success(self, minute, allow_late, expected, task, worker):
        RunTemplate.objects.update(allow_late=allow_late)
        job = staged(task, worker)
        ended = NOON + minute * MINUTE
        finish(job, S.SUCCESS, ended)
        assert state(task) == (expected, 1)
        assert (task.fulfilled_by_job_id, task.fulfilled_at) == (job.pk, ended)
        assert fresh([job])[0].status == S.SUCCESS

    def test_success_a_microsecond_after_the_deadline_is_late(self, task, worker):
        finish(staged(task, worker), S.SUCCESS, task.deadline + timedelta(microseconds=1))
        assert state(task) == (T.FAILED, 1)

    @pytest.mark.parametrize("target", [S.FAILED, S.TIMEOUT, S.TERMINATED])
    def test_failure_without_retry(self, target, task, worker):
        finish(staged(task, worker), target, NOON)
        assert state(task) == (T.FAILED, 1)

    def test_failure_with_retry_reopens_it(self, task, worker, clock):
        RunTemplate.objects.update(max_retries=1)
        [again] = finish(staged(task, worker), S.FAILED, NOON)
        assert state(task) == (T.OPEN, 1)
        clock.forward(minutes=5)
        [retry] = stage(begin(claim(worker), clock.instant))
        assert (retry.pk, state(task)) == (again.pk, (T.RUNNING, 2))
        finish(retry, S.SUCCESS, clock.instant)
        assert state(task) == (T.FULFILLED, 2)

    @pytest.mark.parametrize(("source", "target"), [(S.QUEUED, S.BLOCKED), (S.QUEUED, S.FAILED), (S.PENDING, S.FAILED)])
    def test_an_end_without_start_is_an_attempt(self, source, target, task, worker):
        [job] = queue(task.runtemplate, after=NOON, task_id=task.pk)
        if source == S.QUEUED:
            [job] = claim(worker)
        finish(job, target, NOON)
        assert state(task) == (T.FAILED, 1)

    @pytest.mark.parametrize("source", [S.PENDING, S.QUEUED])
    def test_a_cancelled_job_leaves_it_open(self, source, task, worker):
        [job] = queue(task.runtemplate, after=NOON, task_id=task.pk)
        if source == S.QUEUED:
            [job] = claim(worker)
        finish(job, S.CANCELLED, NOON)
        assert state(task) == (T.OPEN, 0)

    @pytest.mark.parametrize("closed", [T.MISSED, T.FAILED])
    @pytest.mark.parametrize(
        ("minute", "allow_late", "expected"),
        [(10, False, T.FULFILLED), (40, True, T.FULFILLED_LATE), (40, False, None)],
    )
    def test_a_late_job_may_still_fulfil_it(self, closed, minute, allow_late, expected, task, worker):
        RunTemplate.objects.update(allow_late=allow_late)
        Task.objects.update(state=closed)
        finish(staged(task, worker), S.SUCCESS, NOON + minute * MINUTE)
        assert state(task)[0] == (expected or closed)

    @pytest.mark.parametrize("closed", [T.FULFILLED, T.FULFILLED_LATE])
    @pytest.mark.parametrize("target", [S.SUCCESS, S.FAILED])
    def test_a_fulfilled_one_stays_as_it_is(self, closed, target, task, worker):
        first = staged(task, worker)
        finish(first, S.SUCCESS, NOON)
        Task.objects.update(state=closed)
        finish(staged(task, worker), target, NOON + MINUTE)
        assert state(task)[0] == closed
        assert (task.fulfilled_by_job_id, task.fulfilled_at) == (first.pk, NOON)

    def test_two_ends_of_one_task_in_a_batch(self, task, worker, robot):
        jobs = stage([started(task, worker), started(task, worker)])
        completion.complete([end(jobs[0], S.FAILED, NOON), end(jobs[1], S.SUCCESS, NOON)], actor=robot)
        assert state(task) == (T.FULFILLED, 2)
        assert task.fulfilled_by_job_id == jobs[1].pk

    def test_a_retry_by_hand_belongs_to_the_task(self, task, worker, robot):
        job = staged(task, worker)
        finish(job, S.FAILED, NOON)
        [job] = fresh([job])
        again = create.create_job(job.runtemplate, actor=robot, schedule_type="retry", retry_of=job)
        assert (again.task_id, again.attempt, again.slot) == (task.pk, 2, None)
        finish(stage(begin(claim(worker), NOON))[0], S.SUCCESS, NOON + MINUTE)
        assert state(task) == (T.FULFILLED, 2)


class TestElapsed:
    @pytest.mark.parametrize(
        ("before", "attempts", "after"),
        [(T.OPEN, 0, T.MISSED), (T.OPEN, 2, T.FAILED), (T.RUNNING, 1, T.FAILED), (T.FULFILLED, 1, T.FULFILLED)],
    )
    def test_window_without_live_job(self, before, attempts, after, task):
        Task.objects.update(state=before, attempts=attempts)
        assert tasks.close_elapsed(task.window_end - timedelta(microseconds=1)) == 0
        assert state(task) == (before, attempts)
        assert tasks.close_elapsed(task.window_end) == (before != after)
        assert state(task) == (after, attempts)
        assert tasks.close_elapsed(task.window_end) == 0

    @pytest.mark.parametrize("live", [S.QUEUED, S.RUNNING, S.FINISHING])
    def test_a_live_job_keeps_it(self, live, task, worker):
        queue(task.runtemplate, after=NOON, task_id=task.pk)
        jobs = claim(worker)
        if live != S.QUEUED:
            jobs = begin(jobs, NOON)
        if live == S.FINISHING:
            stage(jobs)
        before = state(task)
        assert tasks.close_elapsed(task.window_end + MINUTE) == 0
        assert state(task) == before

    def test_a_waiting_job_does_not_and_may_fulfil_it_later(self, task, worker, clock):
        RunTemplate.objects.update(allow_late=True)
        queue(task.runtemplate, after=NOON, task_id=task.pk)
        clock.set(task.window_end)
        assert tasks.close_elapsed(clock.instant) == 1
        assert state(task) == (T.MISSED, 0)
        finish(stage(begin(claim(worker), clock.instant))[0], S.SUCCESS, clock.instant)
        assert state(task) == (T.FULFILLED_LATE, 1)

    def test_is_done_in_parts(self, one, company):
        Task.objects.bulk_create(
            Task(
                runtemplate=one,
                company=company,
                window_start=NOON + index * MINUTE,
                window_end=NOON + (index + 1) * MINUTE,
                deadline=NOON,
            )
            for index in range(7)
        )
        assert [tasks.close_elapsed(NOON + 60 * MINUTE, at_most=3) for _ in range(4)] == [3, 3, 1, 0]

    def test_costs_one_look_when_nothing_has_elapsed(self, task, queries):
        with queries(1):
            assert tasks.close_elapsed(NOON) == 0


class TestRunsByHand:
    """Successes of jobs that belong to no task."""

    @pytest.fixture
    def succeeds(self, one, task, worker):
        RunTemplate.objects.update(manual_fulfils=True)

        def succeed(minutes: int, target: JobStatus = S.SUCCESS):
            queue(RunTemplate.objects.get(pk=one.pk), after=NOON)
            [job] = stage(begin(claim(worker), NOON))
            finish(job, target, NOON + minutes * MINUTE)
            return job

        return succeed

    def test_fulfil_the_open_window(self, succeeds, task):
        job = succeeds(10)
        assert state(task) == (T.FULFILLED, 0)
        assert (task.fulfilled_by_job_id, task.fulfilled_at) == (job.pk, NOON + 10 * MINUTE)

    def test_fulfil_a_window_whose_own_job_failed(self, succeeds, task):
        Task.objects.update(state=T.FAILED, attempts=1)
        succeeds(10)
        assert state(task) == (T.FULFILLED, 1)

    def test_behind_the_deadline_they_count_where_late_is_allowed(self, succeeds, task):
        succeeds(45)
        assert state(task) == (T.OPEN, 0)
        RunTemplate.objects.update(allow_late=True)
        succeeds(45)
        assert state(task) == (T.FULFILLED_LATE, 0)

    def test_behind_the_window_they_count_no_more(self, succeeds, task):
        RunTemplate.objects.update(allow_late=True)
        succeeds(60)
        assert state(task) == (T.OPEN, 0)

    def test_a_failure_does_nothing_to_the_window(self, succeeds, task):
        succeeds(10, S.FAILED)
        assert state(task) == (T.OPEN, 0)

    def test_they_have_to_be_allowed_to_count(self, succeeds, task):
        RunTemplate.objects.update(manual_fulfils=False)
        succeeds(10)
        assert state(task) == (T.OPEN, 0)
