"""Committed numbers of statements: they do not grow with the number of run templates."""

from __future__ import annotations

import statistics
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from multiflexi.jobs import enqueue, healing
from multiflexi.models import Job, RunTemplate, Task
from tests.integration.jobs.builders import NOON, due_templates, unscheduled

IDLE = 1
# Reads: due, companies, live jobs, tasks, jobs. Writes: run templates; tasks, jobs, queue rows and history in parts.
DUE_READS, DUE_WRITES = 5, 5
HEALING, HEALED = 3, 4


class Statements:
    """Statements of a block without those that only open and close transactions."""

    def __init__(self) -> None:
        self._context = CaptureQueriesContext(connection)
        self.seconds = 0.0

    def __enter__(self) -> Statements:
        self._begun = time.perf_counter()
        self._context.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)
        self.seconds = time.perf_counter() - self._begun

    @property
    def all(self) -> list[str]:
        frame = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
        return [query["sql"] for query in self._context.captured_queries if not query["sql"].startswith(frame)]

    @property
    def reads(self) -> list[str]:
        return [sql for sql in self.all if sql.lstrip("(").startswith("SELECT")]

    @property
    def writes(self) -> list[str]:
        return [sql for sql in self.all if not sql.lstrip("(").startswith("SELECT")]


def double(times: int) -> None:
    """Copy all run templates again and again, inside the database."""
    names = ", ".join(
        connection.ops.quote_name(field.column) for field in RunTemplate._meta.concrete_fields if not field.primary_key
    )
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(f"INSERT INTO runtemplate ({names}) SELECT {names} FROM runtemplate")


def test_one_and_three_hundred_due_cost_the_same(company, app, clock, robot):
    due_templates(company, app, 300, clock.instant, overlap="queue-one")
    RunTemplate.objects.exclude(pk=RunTemplate.objects.first().pk).update(next_schedule=NOON.replace(year=2030))
    with Statements() as one:
        assert enqueue.run_pass(robot).jobs == 1
    RunTemplate.objects.filter(next_schedule__year=2030).update(next_schedule=clock.instant)
    with Statements() as many:
        assert enqueue.run_pass(robot).jobs == 299
    assert (len(one.reads), len(one.writes)) == (DUE_READS, DUE_WRITES)
    assert len(many.reads) == DUE_READS
    # Django hands SQLite at most 999 values at a time, so its inserts come in parts.
    assert len(many.writes) == (16 if connection.vendor == "sqlite" else DUE_WRITES)


def test_healing_asks_the_same_of_one_and_of_three_hundred(company, app, clock):
    counts = []
    for number in (1, 300):
        RunTemplate.objects.all().delete()
        due_templates(company, app, number, clock.instant, next_schedule=None)
        with Statements() as healed:
            assert healing.heal(clock.instant) == number
        assert not RunTemplate.objects.filter(next_schedule=None).exists()
        counts.append(len(healed.reads))
        with Statements() as nothing:
            assert healing.heal(clock.instant) == 0
        assert len(nothing.all) == HEALING
    assert counts == [HEALING + HEALED] * 2


@pytest.mark.slow
def test_a_hundred_thousand_active_run_templates(company, app, clock, robot, record_property):
    unscheduled(company, app, interv="h", active=True, next_schedule=NOON.replace(year=2030))
    double(17)
    assert RunTemplate.objects.count() == 131_072
    if connection.vendor != "mysql":  # There it would commit the test's rows; its planner needs no telling.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE runtemplate")
    idle = []
    for _ in range(20):
        with Statements() as tick:
            assert enqueue.run_pass(robot).due == 0
        idle.append(tick.seconds)
        assert len(tick.all) == IDLE
    assert statistics.median(idle) < 0.05

    ids = list(RunTemplate.objects.filter(next_schedule__year=2030).order_by("pk").values_list("pk", flat=True)[:1000])
    RunTemplate.objects.filter(pk__in=ids).update(next_schedule=clock.instant)
    with Statements() as busy:
        result = enqueue.run_pass(robot)
    assert (result.jobs, Job.objects.count(), Task.objects.count()) == (1000, 1000, 1000)
    assert len(busy.reads) == DUE_READS
    assert len(busy.writes) <= DUE_WRITES + (49 if connection.vendor == "sqlite" else 0)
    assert busy.seconds < 5
    record_property("idle_ms", round(statistics.median(idle) * 1000, 2))
    record_property("thousand_due_ms", round(busy.seconds * 1000))
