"""One broken run template is recorded and left out; all others get their jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection

from multiflexi.jobs import enqueue, schedulable
from multiflexi.models import Job, RunTemplate, Task
from tests.integration.jobs.builders import due_templates, robot

POISON = {
    "cron": {"interv": "c", "cron": "61 * * * *"},
    "no cron": {"interv": "c", "cron": None},
    "zone": {"timezone": "Mars/Olympus"},
    "deadline": {"deadline_offset": "+3 moons"},
    "skip days": {"skip_days": ["someday"]},
    "no list of days": {"skip_days": 5},
}


@pytest.mark.parametrize("kind", POISON)
def test_what_cannot_be_planned_stops_nobody(kind, company, app, clock, robot):
    templates = due_templates(company, app, 12, clock.instant)
    culprit = templates[5]
    RunTemplate.objects.filter(pk=culprit.pk).update(**POISON[kind])

    result = enqueue.run_pass(robot)

    assert (result.due, result.jobs, result.failed) == (12, 11, 1)
    assert not Job.objects.filter(runtemplate=culprit).exists()
    assert RunTemplate.objects.filter(schedule_error=None).count() == 11
    culprit.refresh_from_db()
    assert culprit.schedule_failures == 1
    assert culprit.schedule_error
    assert culprit.schedule_retry_at == clock.instant + timedelta(minutes=1)
    assert culprit.next_schedule == templates[5].next_schedule


@pytest.mark.parametrize("batch", [3, 1000])
def test_several_at_the_head_of_the_queue_hold_up_none_of_many(batch, company, app, clock, robot, settings):
    """They are the first ones due and fill the first batches by themselves."""
    settings.MULTIFLEXI_SCHEDULER_BATCH = batch
    templates = due_templates(company, app, 60, clock.instant)
    culprits = [one.pk for one in templates[:7]]
    RunTemplate.objects.filter(pk__in=culprits).update(
        timezone="Mars/Olympus", next_schedule=clock.instant - timedelta(hours=1)
    )
    passes = [enqueue.run_pass(robot)]
    while passes[-1].more:
        passes.append(enqueue.run_pass(robot))
    assert (sum(one.jobs for one in passes), sum(one.failed for one in passes)) == (53, 7)
    assert set(RunTemplate.objects.exclude(schedule_error=None).values_list("pk", "schedule_failures")) == {
        (pk, 1) for pk in culprits
    }
    assert set(Job.objects.values_list("runtemplate_id", flat=True)) == {one.pk for one in templates[7:]}


def test_the_pause_doubles_up_to_an_hour_and_ends_with_the_repair(company, app, clock, robot):
    [culprit] = due_templates(company, app, 1, clock.instant, timezone="Mars/Olympus")
    pauses = []
    for failures in range(1, 10):
        assert enqueue.run_pass(robot).failed == 1
        culprit.refresh_from_db()
        assert culprit.schedule_failures == failures
        pauses.append((culprit.schedule_retry_at - clock.instant) / timedelta(minutes=1))
        clock.set(culprit.schedule_retry_at - timedelta(seconds=1))
        assert enqueue.run_pass(robot).due == 0
        clock.forward(seconds=1)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    RunTemplate.objects.update(timezone=None)
    assert enqueue.run_pass(robot).jobs == 1
    culprit.refresh_from_db()
    assert (culprit.schedule_error, culprit.schedule_failures, culprit.schedule_retry_at) == (None, 0, None)


def test_saving_clears_the_error_and_starts_after_now(company, app, clock, robot):
    [culprit] = due_templates(company, app, 1, clock.instant, interv="c", cron="nonsense")
    enqueue.run_pass(robot)
    RunTemplate.objects.update(cron="0 * * * *")
    schedulable.refresh([culprit.pk], cadence_changed=True)
    culprit.refresh_from_db()
    assert (culprit.schedule_error, culprit.schedule_failures, culprit.schedule_retry_at) == (None, 0, None)
    assert culprit.next_schedule > clock.instant


TRIGGERS = {
    "sqlite": [
        "CREATE TRIGGER culprit BEFORE INSERT ON job WHEN NEW.runtemplate_id = {id} "
        "BEGIN SELECT RAISE(ABORT, 'culprit'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION culprit() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.runtemplate_id = {id} THEN RAISE 'culprit'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER culprit BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION culprit()",
    ],
    "mysql": [
        "CREATE TRIGGER culprit BEFORE INSERT ON job FOR EACH ROW "
        "IF NEW.runtemplate_id = {id} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'culprit'; END IF"
    ],
}
REMOVAL = {"postgresql": ["DROP TRIGGER culprit ON job", "DROP FUNCTION culprit"]}


@pytest.fixture
def refused_by_the_database(shared_db):
    """The database refuses jobs of one run template, whatever the ORM believes."""

    def refuse(culprit: RunTemplate) -> None:
        with connection.cursor() as cursor:
            for sql in TRIGGERS[connection.vendor]:
                cursor.execute(sql.format(id=culprit.pk))

    yield refuse
    with connection.cursor() as cursor:
        for sql in REMOVAL.get(connection.vendor, ["DROP TRIGGER culprit"]):
            cursor.execute(sql)


def test_what_the_database_refuses_stops_nobody(refused_by_the_database, company, app, clock):
    templates = due_templates(company, app, 12, clock.instant)
    culprit = templates[5]
    refused_by_the_database(culprit)

    result = enqueue.run_pass(robot())

    assert (result.due, result.jobs, result.failed) == (12, 11, 1)
    assert Task.objects.filter(runtemplate=culprit).count() == 0
    culprit.refresh_from_db()
    assert "culprit" in culprit.schedule_error
    assert enqueue.run_pass(robot()).due == 0


def test_a_lost_database_blames_nobody(company, app, clock, robot, monkeypatch):
    due_templates(company, app, 3, clock.instant)
    numbers = {"mysql": 1213, "postgresql": "deadlock detected", "sqlite": "database is locked"}

    def lost(*_args: object) -> None:
        raise OperationalError(numbers[connection.vendor], "gone")

    monkeypatch.setattr(enqueue, "_store", lost)
    with pytest.raises(OperationalError):
        enqueue.run_pass(robot)
    assert RunTemplate.objects.filter(schedule_failures=0).count() == 3


def test_a_rival_that_moved_a_run_template_leaves_the_others_their_jobs(company, app, clock, robot, monkeypatch):
    templates = due_templates(company, app, 3, clock.instant)
    store, rounds = enqueue._store, []

    def once(plans, now, actor):
        rounds.append(len(plans))
        if len(rounds) == 1:
            RunTemplate.objects.filter(pk=templates[1].pk).update(next_schedule=now + timedelta(hours=1))
        store(plans, now, actor)

    monkeypatch.setattr(enqueue, "_store", once)
    with pytest.raises(DatabaseError, match="moved"):
        # The move is rolled back together with the batch, so the second look finds all three again.
        enqueue._enqueue(enqueue._due(clock.instant), clock.instant, robot)
    assert Job.objects.count() == 0
    assert enqueue.run_pass(robot).jobs == 3
