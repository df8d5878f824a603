"""Several schedulers at once, looked at while they work: slots are taken once, and the cadence only moves on."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError

from multiflexi.jobs import enqueue
from multiflexi.jobs.queue import backend
from multiflexi.models import Job, QueueEntry, RunTemplate, Task
from multiflexi.record.actor import Actor
from tests.integration.jobs import builders
from tests.integration.jobs.builders import NOON, due_templates, in_threads
from tests.integration.jobs.conftest import app, clock, company  # noqa: F401

HOUR = timedelta(hours=1)
NUMBER, PERIODS, RIVALS = 25, 10, 3


@pytest.fixture(autouse=True)
def _committed(shared_db):
    pass


def work_off(actor: Actor, now: datetime) -> int:
    """What the daemon does: pass after pass until nothing is due, and once more what the database gave up."""
    made = 0
    while True:
        try:
            made += enqueue.run_pass(actor).jobs
        except OperationalError as error:
            if not backend().is_passing(error):
                raise
        if not RunTemplate.objects.filter(next_schedule__lte=now).exists():
            return made


def test_each_slot_is_taken_once_and_no_schedule_ever_goes_back(company, app, clock, settings):
    settings.MULTIFLEXI_SCHEDULER_BATCH = 7
    first = NOON + HOUR
    due_templates(company, app, NUMBER, first, overlap="allow", catch_up="all")
    actor = builders.robot()
    seen: dict[int, datetime] = {}
    gone_back: list[int] = []

    for period in range(PERIODS):
        clock.set(first + period * HOUR)
        working = threading.Semaphore(0)

        def schedule(working: threading.Semaphore = working) -> int:
            try:
                return work_off(actor, clock.instant)
            finally:
                working.release()

        def observe(working: threading.Semaphore = working) -> int:
            ended = 0
            while ended < RIVALS:
                ended += working.acquire(timeout=0.01)
                for pk, due in RunTemplate.objects.values_list("pk", "next_schedule"):
                    if due < seen.setdefault(pk, due):
                        gone_back.append(pk)
                    seen[pk] = due
            return 0

        assert sum(in_threads(observe, *[schedule] * RIVALS)) == NUMBER
        assert set(seen.values()) == {clock.instant + HOUR}

    assert gone_back == []
    taken = Counter(Job.objects.values_list("runtemplate_id", "slot"))
    assert (len(taken), set(taken.values())) == (NUMBER * PERIODS, {1})
    assert set(Task.objects.values_list("runtemplate_id", "window_start")) == set(taken)
    assert Job.objects.count() == Task.objects.count() == QueueEntry.objects.count() == NUMBER * PERIODS
    assert set(RunTemplate.objects.values_list("last_schedule", "schedule_failures")) == {(clock.instant, 0)}


def test_one_run_template_is_contended_for_by_all(company, app, clock):
    """With a single row every scheduler asks for the same one at the same instant."""
    [one] = due_templates(company, app, 1, NOON + HOUR, overlap="allow", catch_up="all")
    actor = builders.robot()
    for period in range(1, PERIODS + 1):
        clock.set(NOON + period * HOUR)
        assert sum(in_threads(*[lambda: work_off(actor, clock.instant)] * RIVALS)) == 1
    assert list(one.jobs.order_by("pk").values_list("slot", flat=True)) == [
        NOON + period * HOUR for period in range(1, PERIODS + 1)
    ]
    assert Task.objects.count() == PERIODS
