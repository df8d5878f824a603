"""What every database tells of the future of the queue, and the hints of those that carry any."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import select
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from multiflexi.jobs import claiming, schedulable
from multiflexi.jobs.claiming import Release
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.jobs.queue.outlook import outlook
from multiflexi.models import Executor, QueueEntry, RunTemplate, StopLevel
from multiflexi.services import job as job_service
from multiflexi.services import job_stop, schedules
from tests.crash.live import cut_connections
from tests.integration.jobs import builders
from tests.integration.jobs.builders import claim, fresh, queue, running, unscheduled
from tests.integration.jobs.conftest import app, company, robot, worker  # noqa: F401

NATIVE = (Executor.NATIVE,)
HOUR = timedelta(hours=1)


@pytest.fixture
def parallel(company, app):
    """A run template whose jobs may run at once."""
    return unscheduled(company, app, overlap="allow")


class TestOutlook:
    def test_of_an_empty_queue(self, db, queries):
        with queries(1):
            found = outlook(NATIVE)
        assert (found.is_due, found.seconds) == (False, None)

    def test_tells_how_long_until_the_next_row(self, parallel):
        for hours in (3, 1, 2):
            queue(parallel, after=timezone.now() + hours * HOUR)
        found = outlook(NATIVE)
        assert not found.is_due
        assert 3500 < found.seconds <= 3600

    def test_tells_of_both_what_is_due_and_what_comes(self, parallel):
        queue(parallel, after=timezone.now() - HOUR, number=3)
        queue(parallel, after=timezone.now() + HOUR)
        found = outlook(NATIVE)
        assert found.is_due
        assert 3500 < found.seconds <= 3600

    def test_leaves_out_what_somebody_has_claimed(self, parallel, worker):
        queue(parallel, after=timezone.now() - HOUR)
        claim(worker)
        assert not outlook(NATIVE).is_due

    def test_leaves_out_modules_that_are_not_served(self, parallel):
        queue(parallel, after=timezone.now() - HOUR, executor=Executor.DOCKER)
        queue(parallel, after=timezone.now() + HOUR, executor=Executor.DOCKER)
        found = outlook(NATIVE)
        assert (found.is_due, found.seconds) == (False, None)
        assert outlook((*NATIVE, Executor.DOCKER)).is_due

    def test_of_one_job_knows_no_other(self, parallel):
        queue(parallel, after=timezone.now() - HOUR)
        [later] = queue(parallel, after=timezone.now() + HOUR)
        found = outlook(NATIVE, only=later.pk)
        assert not found.is_due
        assert found.seconds > 3500


@pytest.fixture
def committed(shared_db):
    """Hints are sent behind a commit, so there must be one."""


@pytest.fixture
def listener(committed):
    """A listener to the queue; skips where the database carries no hints."""
    found = backend().listen(Topic.QUEUE)
    if found is None:
        pytest.skip(f"{connection.vendor} carries no hints")
    yield found
    found.close()


def hears(listener, within: float = 0.0) -> bool:
    """Whether a hint comes; one that was sent before is here at once, because the server keeps the order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    select.select([listener], [], [], within)
    return bool(listener.heard())


PATIENCE = 20.0


def test_only_postgresql_carries_hints(committed):
    listening = backend().listen(Topic.QUEUE)
    assert (listening is not None) == (connection.vendor == "postgresql")
    if listening:
        listening.close()
    backend().hint(Topic.QUEUE)


class TestHints:
    def test_come_behind_the_commit(self, listener, parallel):
        with transaction.atomic():
            queue(parallel, after=timezone.now())
            assert not hears(listener, 0.1)
        assert hears(listener, PATIENCE)

    def test_do_not_come_when_nothing_was_stored(self, listener, parallel):
        with transaction.atomic():
            queue(parallel, after=timezone.now())
            transaction.set_rollback(True)
        assert not hears(listener, 0.1)

    def test_come_once_for_a_transaction(self, listener, parallel):
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            queue(parallel, after=timezone.now())
            for _ in range(100):
                backend().hint(Topic.QUEUE)
            backend().hint(Topic.SCHEDULES)
        assert sum("pg_notify" in query["sql"] for query in captured) == 2

    def test_survive_a_part_that_was_undone(self, listener):
        with transaction.atomic():
            with transaction.atomic():
                backend().hint(Topic.QUEUE)
                transaction.set_rollback(True)
            backend().hint(Topic.QUEUE)
        assert hears(listener, PATIENCE)

    def test_of_another_topic_are_not_heard(self, listener):
        backend().hint(Topic.SCHEDULES)
        assert not hears(listener, 0.1)

    def test_tell_their_topics(self, committed):
        listener = backend().listen(Topic.QUEUE, Topic.WORKERS)
        if listener is None:
            pytest.skip(f"{connection.vendor} carries no hints")
        heard = set()
        for topic in Topic:
            backend().hint(topic)
        while select.select([listener], [], [], 0.5)[0]:
            heard |= listener.heard()
        listener.close()
        assert heard == {Topic.QUEUE, Topic.WORKERS}

    def test_tell_of_a_job_that_goes_back(self, listener, parallel, worker, robot):
        queue(parallel, after=timezone.now())
        [job] = claim(worker)
        assert hears(listener, PATIENCE)
        claiming.release([Release(job.pk, job.claim)], actor=robot)
        assert hears(listener, PATIENCE)

    def test_tell_of_a_request_to_stop(self, listener, parallel, worker, robot):
        queue(parallel, after=timezone.now())
        [job] = running(worker, timezone.now())
        assert hears(listener, PATIENCE)
        job_stop.request_stop(robot, job)
        assert QueueEntry.objects.get(job=job).stop_level == StopLevel.STOP
        assert hears(listener, PATIENCE)

    def test_tell_of_a_job_that_was_moved(self, listener, parallel, robot):
        [job] = queue(parallel, after=timezone.now() + HOUR)
        assert hears(listener, PATIENCE)
        [job] = fresh([job])
        job_service.reschedule(robot, job, after=timezone.now())
        assert hears(listener, PATIENCE)

    def test_end_with_the_connection(self, listener):
        cut_connections()
        with pytest.raises(DatabaseError):
            while select.select([listener], [], [], PATIENCE)[0]:
                assert not listener.heard()


def test_schedulers_are_told_of_a_change_of_schedules(committed, company, app):
    listener = backend().listen(Topic.SCHEDULES)
    if listener is None:
        pytest.skip(f"{connection.vendor} carries no hints")
    try:
        one = builders.template(company, app, interv="h", active=True)
        assert hears(listener, PATIENCE)
        schedulable.refresh([one.pk])
        assert not hears(listener, 0.1)
        company.enabled = False
        company.save()
        schedules.refresh(RunTemplate.objects.filter(company=company))
        assert hears(listener, PATIENCE)
    finally:
        listener.close()
