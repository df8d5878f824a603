"""Jobs made by hand, their one-time values, and the rows of running instances."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from multiflexi.jobs import create, workers
from multiflexi.jobs.outcome import Outcome, outcome_of, trigger_of
from multiflexi.jobs.overrides import open_overrides
from multiflexi.models import Job, JobHistory, JobStatus, QueueEntry, TriggerKind, Worker, WorkerState
from multiflexi.record.actor import SYSTEM, Actor
from tests.integration.jobs.builders import NOON, queue, unscheduled
from tests.integration.jobs_environment.builders import declare

HOUR = timedelta(hours=1)


@pytest.fixture
def one(company, app):
    return unscheduled(company, app, executor="Docker", priority=7)


class TestCreateJob:
    def test_without_a_time_is_due_now(self, one, robot, clock):
        job = create.create_job(one, actor=robot, note="please")
        entry, row = QueueEntry.objects.get(), JobHistory.objects.get()
        assert (job.status, job.slot, job.task_id, job.schedule, job.created_at) == ("pending", None, None, NOON, NOON)
        assert (job.executor, job.note, job.schedule_type, job.runtemplate_version) == ("Docker", "please", "adhoc", 1)
        assert (entry.job_id, entry.after, entry.executor, entry.priority) == (job.pk, NOON, "Docker", 7)
        assert (row.to_status, row.at) == ("pending", NOON)

    @pytest.mark.parametrize(("asked", "after"), [(NOON + HOUR, NOON + HOUR), (NOON - HOUR, NOON)])
    def test_is_never_planned_into_the_past(self, asked, after, one, robot):
        job = create.create_job(one, actor=robot, after=asked)
        assert (job.schedule, QueueEntry.objects.get().after) == (after, after)

    def test_needs_somebody_who_asked(self, one):
        with pytest.raises(ValueError, match="account"):
            create.create_job(one, actor=SYSTEM)
        assert Job.objects.count() == 0

    def test_leaves_the_cadence_alone(self, one, robot):
        before = (one.next_schedule, one.last_schedule, one.running_job_id)
        create.create_job(one, actor=robot)
        one.refresh_from_db()
        assert (one.next_schedule, one.last_schedule, one.running_job_id) == before

    def test_seals_the_secrets_among_its_one_time_values(self, one, app, robot, ring):
        declare(app, "GREETING", secret=True)
        declare(app, "KEYWORD", type="string")
        values = {"GREETING": "s3cret-1", "DB_PASSWORD": "s3cret-2", "KEYWORD": "open", "CITY": "Brno"}
        job = create.create_job(one, actor=robot, overrides=values)
        job.refresh_from_db()
        assert "s3cret" not in str(job.overrides)
        assert (job.overrides["KEYWORD"], job.overrides["CITY"]) == ("open", "Brno")
        assert open_overrides(job.overrides, job.pk) == values

    def test_many_without_values_cost_as_much_as_one(self, one, robot, queries):
        with queries(6):
            queue(one, after=NOON, number=15, actor=robot)

    def test_nothing_wanted_makes_nothing(self, robot, queries):
        with queries(0):
            assert create.create_jobs([], actor=robot, now=NOON) == []

    def test_a_slot_has_one_job(self, one, robot):
        queue(one, after=NOON, slot=NOON)
        with pytest.raises(IntegrityError), transaction.atomic():
            queue(one, after=NOON, slot=NOON)
        assert Job.objects.count() == QueueEntry.objects.count() == 1

    def test_jobs_without_slot_never_collide(self, one):
        queue(one, after=NOON, number=3)
        assert Job.objects.count() == 3


class TestWorkers:
    def test_an_instance_takes_the_row_of_its_predecessor(self, db, clock):
        first = workers.register("executor", "one", boot_id="a", pid_started=1, places=3)
        workers.farewell(first, WorkerState.DETACHED)
        clock.forward(hours=1)
        second = workers.register("executor", "one", boot_id="b", pid_started=2)
        assert (first.pk, Worker.objects.count()) == (second.pk, 1)
        assert (second.state, second.boot_id, second.started_at) == ("running", "b", clock.instant)
        assert workers.register("scheduler", "one", boot_id="b", pid_started=2).pk != second.pk

    def test_alive_are_those_seen_lately(self, db, clock):
        old = workers.register("executor", "old", boot_id="a", pid_started=1)
        clock.forward(seconds=60)
        new = workers.register("executor", "new", boot_id="a", pid_started=1)
        gone = workers.register("executor", "gone", boot_id="a", pid_started=1)
        workers.farewell(gone)
        assert workers.alive(["executor"], within_seconds=59) == [new]
        assert workers.alive(["executor"], within_seconds=60) == [new, old]
        assert workers.alive(["eventor"], within_seconds=60) == []
        assert workers.heartbeat(old, places_used=2) == clock.instant
        assert set(workers.alive(["executor"], within_seconds=0)) == {old, new}

    def test_act_in_the_name_of_the_technical_account(self, worker, robot):
        actor = workers.actor_of(worker)
        assert (actor.user_id, actor.label) == (robot.user_id, f"worker:{worker.pk}")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (JobStatus.SUCCESS, 0, Outcome.SUCCESS),
        (JobStatus.FAILED, 1, Outcome.WARNING),
        (JobStatus.FAILED, 2, Outcome.FAILURE),
        (JobStatus.FAILED, 127, Outcome.NOT_FOUND),
        (JobStatus.FAILED, 255, Outcome.FAILURE),
        (JobStatus.FAILED, None, Outcome.FAILURE),
        (JobStatus.FAILED, -1, Outcome.RETRY),
        (JobStatus.LOST, -1, Outcome.RETRY),
        (JobStatus.TIMEOUT, 124, Outcome.TIMEOUT),
        (JobStatus.TERMINATED, 1, Outcome.STOPPED),
        (JobStatus.BLOCKED, None, Outcome.BLOCKED),
        (JobStatus.CANCELLED, None, Outcome.CANCELLED),
    ],
)
def test_outcome(status, code, expected):
    assert outcome_of(status, code) == expected


@pytest.mark.parametrize(
    ("schedule_type", "slot", "expected"),
    [
        ("hourly", NOON, TriggerKind.SCHEDULE),
        ("hourly", None, TriggerKind.MANUAL),
        ("retry", None, TriggerKind.RETRY),
        ("event", None, TriggerKind.EVENT),
        ("chained", None, TriggerKind.CHAIN),
        ("adhoc-web", None, TriggerKind.MANUAL),
        (None, None, TriggerKind.MANUAL),
    ],
)
def test_trigger(schedule_type, slot, expected):
    assert trigger_of(Job(schedule_type=schedule_type, slot=slot)) == expected


def test_an_actor_that_is_a_person_is_named_in_the_history(one, alice):
    create.create_job(one, actor=Actor(alice.pk))
    assert JobHistory.objects.get().actor == f"user:{alice.pk}"
