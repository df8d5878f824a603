"""What every database's queue promises about a batch of updates: all kinds of values, comparisons, and a true count."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from multiflexi.jobs.queue import backend, mariadb
from multiflexi.models import Job, RunTemplate
from tests.integration.jobs.builders import NOON, fresh, in_threads, queue, unscheduled
from tests.integration.jobs.conftest import app, clock, company  # noqa: F401

VALUES: dict[str, list[Any]] = {
    "exit_signal": [-1, None, 255],
    "end": [NOON, None, NOON + timedelta(microseconds=1)],
    "reason_detail": ["křížek 'a' \"b\" \\ %s \n\t\x01 🔴", None, ""],
    "env": [{"A": "b'\"\\", "ž": [1, None, True]}, None, {}],
    "handle": [["x", {"y": 1.5}], None, []],
    "output_truncated": [True, False, True],
    "cpu_seconds": [Decimal("12.345"), None, Decimal("0.001")],
    "max_rss_kb": [2**40, None, 0],
    "failure_reason": ["lost", None, "timeout"],
}


@pytest.fixture
def jobs(company, app) -> list[Job]:
    return queue(unscheduled(company, app, overlap="allow"), after=NOON, number=3)


def change(jobs: list[Job], **columns: list[Any]) -> int:
    """Write one value of each list to each job."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return backend().update_rows(
        Job, [(row, {"id": job.pk, "status": "pending"}) for row, job in zip(rows, jobs, strict=True)]
    )


def test_writes_values_of_every_kind(jobs):
    assert change(jobs, **VALUES) == 3
    stored = fresh(jobs)
    for name, expected in VALUES.items():
        assert [getattr(job, name) for job in stored] == expected, name


@pytest.mark.parametrize("name", VALUES)
def test_writes_nothing_but_nulls(name, jobs):
    if Job._meta.get_field(name).null:
        change(jobs, **{name: VALUES[name]})
        assert change(jobs, **{name: [None] * 3}) == 3
        assert {getattr(job, name) for job in fresh(jobs)} == {None}


def test_counts_a_row_that_was_so_already(jobs):
    assert [change(jobs, exit_signal=[1, 2, 3]) for _ in range(2)] == [3, 3]


@pytest.mark.parametrize("wrong", [{"id": 1 << 40}, {"status": "running"}, {"claim": 1}])
def test_leaves_out_and_does_not_count_what_compares_differently(wrong, jobs):
    changes = [({"exit_signal": 9}, {"id": job.pk, "status": "pending", "claim": 0}) for job in jobs]
    changes[1] = ({"exit_signal": 9}, changes[1][1] | wrong)
    assert backend().update_rows(Job, changes) == 2
    assert [job.exit_signal for job in fresh(jobs)] == [9, None, 9]


def test_compares_instants_to_the_microsecond(company, app):
    one = unscheduled(company, app, next_schedule=NOON)
    later = timedelta(microseconds=1)
    assert [
        backend().update_rows(RunTemplate, [({"next_schedule": NOON}, {"id": one.pk, "next_schedule": believed})])
        for believed in (NOON + later, NOON - later, NOON)
    ] == [0, 0, 1]


@pytest.mark.parametrize(
    ("column", "value"), [("status", "running" * 9), ("exit_signal", 1 << 33), ("attempt", -1), ("cpu_seconds", 10**9)]
)
def test_a_value_that_does_not_fit_is_refused_and_not_cut(column, value, jobs):
    before = [getattr(job, column) for job in jobs]
    if connection.vendor == "sqlite" and column in ("exit_signal", "cpu_seconds"):
        pytest.skip("SQLite's columns have no bounds")
    with pytest.raises(DatabaseError), transaction.atomic():
        change(jobs, **{column: [before[0], value, before[2]]})
    assert [getattr(job, column) for job in fresh(jobs)] == before


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file is locked as a whole")
def test_does_not_wait_for_whoever_holds_another_row(shared_db, company, app):
    held, *jobs = queue(unscheduled(company, app, overlap="allow"), after=NOON, number=3)

    def impatiently() -> int:
        patience = "innodb_lock_wait_timeout = 2" if connection.vendor == "mysql" else "lock_timeout = '2s'"
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {patience}")
        return change(jobs, exit_signal=[2, 3])

    with transaction.atomic():
        Job.objects.filter(pk=held.pk).update(exit_signal=1)
        assert in_threads(impatiently) == [2]


def test_takes_one_statement_for_many_rows(company, app, queries):
    jobs = queue(unscheduled(company, app, overlap="allow"), after=NOON, number=300)
    with queries(1):
        assert change(jobs, exit_signal=list(range(300))) == 300
    assert [job.exit_signal for job in fresh(jobs)] == list(range(300))


def test_a_batch_too_big_for_one_statement_is_cut(jobs, monkeypatch):
    monkeypatch.setattr(mariadb, "STATEMENT_AT_MOST", 100)
    assert change(jobs, reason_detail=["x" * 90, "y" * 90, "z" * 90]) == 3
    assert [job.reason_detail[0] for job in fresh(jobs)] == ["x", "y", "z"]
