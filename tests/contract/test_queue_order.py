"""The order of the fair share: simulated backlogs, and two ways of asking for it that must agree."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import random
from collections import deque
from datetime import timedelta

import pytest
from django.db import connection

from multiflexi.jobs import completion
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.candidates import candidates
from multiflexi.models import Company, CredentialType, Job, JobStatus, QueueEntry
from tests.integration.jobs import builders
from tests.integration.jobs.builders import (
    NOON,
    begin,
    claim,
    end,
    limit,
    make_app,
    queue,
    stage,
    unscheduled,
    with_credential,
)
from tests.integration.jobs.conftest import app, clock, company, robot, worker  # noqa: F401

SECOND = timedelta(seconds=1)
PLACES = PREFETCH = 4


class Simulated:
    """An executor that takes jobs in advance, starts them in the order it got them and ends the oldest first."""

    def __init__(self, owner, actor) -> None:
        self._owner, self._actor = owner, actor
        self._advance: deque[Job] = deque()
        self._running: deque[Job] = deque()
        self.started: list[int] = []

    def step(self) -> None:
        if len(self._running) == PLACES:
            job = stage([self._running.popleft()])
            completion.complete([end(one, JobStatus.SUCCESS, NOON) for one in job], actor=self._actor)
        free = PLACES - len(self._running)
        self._advance += claim(self._owner, free + PREFETCH - len(self._advance), actor=self._actor)
        while self._advance and len(self._running) < PLACES:
            self._running += begin([self._advance.popleft()], NOON)
            self.started.append(self._running[-1].pk)


@pytest.mark.usefixtures("ring")
class TestFairShare:
    def test_a_long_backlog_of_one_company_holds_no_other_up(self, company, globex, app, worker, robot):
        backlog = queue(unscheduled(company, app, overlap="allow"), after=NOON - 60 * SECOND, number=150)
        executor = Simulated(worker, robot)
        for _ in range(10):
            executor.step()
        before = len(executor.started)
        [job] = queue(unscheduled(globex, app), after=NOON)
        while job.pk not in executor.started:
            executor.step()
        overtaken = executor.started[before:].index(job.pk)
        assert overtaken <= PLACES + PREFETCH
        assert set(executor.started[before : before + overtaken]) <= {one.pk for one in backlog}

    def test_two_backlogs_share_the_places(self, company, globex, app, worker, robot):
        queue(unscheduled(company, app, overlap="allow"), after=NOON - 60 * SECOND, number=60)
        ids = {job.pk for job in queue(unscheduled(globex, app, overlap="allow"), after=NOON, number=30)}
        executor = Simulated(worker, robot)
        for _ in range(36):
            executor.step()
        started = executor.started[:40]
        assert 18 <= sum(job_id in ids for job_id in started) <= 22


def crowd(company: Company, others: int) -> None:
    """Companies, run templates, priorities, caps and limits at random; some jobs are claimed already."""
    chance = random.Random(7)
    apps = [make_app() for _ in range(4)]
    companies = [company, *(Company.objects.create(name=f"c{n}", slug=f"c{n}") for n in range(others))]
    kinds = [CredentialType.objects.create(name=f"kind {n}", company=None) for n in range(2)]
    for one in companies:
        Company.objects.filter(pk=one.pk).update(max_running=chance.choice([None, None, 0, 2]))
        for _ in range(chance.randrange(1, 5)):
            made = unscheduled(
                one,
                chance.choice(apps),
                overlap=chance.choice(["allow", "allow", "queue-one"]),
                max_parallel=chance.choice([None, 1, 3]),
                priority=chance.choice([-1, 0, 0, 1]),
            )
            if chance.random() < 0.4:
                with_credential(made, chance.choice(kinds))
            for _ in range(chance.randrange(1, 4)):
                queue(made, after=NOON + chance.randrange(-50, 20) * SECOND, number=chance.randrange(1, 4))
    limit(0, apps[0], company=companies[1])
    limit(2, apps[1], kinds[0])
    limit(9, apps[2], kinds[1])
    QueueEntry.objects.filter(pk__in=list(QueueEntry.objects.values_list("pk", flat=True)[::17])).update(
        executor="Docker"
    )
    claim(builders.worker("two"), 15)


@pytest.mark.skipif(not backend().looks_by_company, reason="this database can ask in one way only")
class TestTwoWays:
    """Ranking the whole queue says what is right; looking company by company must find the same rows."""

    @pytest.mark.parametrize("at_most", [1, 3, 10, 400])
    @pytest.mark.parametrize("modules", [["Native"], ["Native", "Docker"], ["Podman"]])
    def test_find_the_same_rows(self, at_most, modules, company):
        crowd(company, 12)
        found = {}
        for way in (False, True):
            backend().queue_is_long = way
            first = candidates(NOON, modules, at_most)
            backend().queue_is_long = way
            found[way] = first, candidates(NOON, modules, at_most, without=first[:5])
        assert found[False] == found[True]
        assert bool(found[True][0]) is (modules != ["Podman"])

    def test_the_way_is_chosen_by_what_the_last_look_found(self, company, app):
        queue(unscheduled(company, app, overlap="allow"), after=NOON, number=5)
        for at_most, is_long in ((5, True), (6, False), (4, True)):
            candidates(NOON, ["Native"], at_most)
            assert backend().queue_is_long is is_long
        only = QueueEntry.objects.first().job_id
        assert len(candidates(NOON, ["Native"], 4, only=only)) == 1
        assert backend().queue_is_long


def test_only_postgresql_looks_company_by_company():
    assert backend().looks_by_company is (connection.vendor == "postgresql")
