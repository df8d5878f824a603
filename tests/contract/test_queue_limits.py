"""What every database's queue promises about named limits: never more jobs than places, and nobody waits behind one."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from multiflexi.jobs import claiming, completion, named_limits
from multiflexi.jobs.claiming import Release
from multiflexi.jobs.named_limits import NamedPlaces
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.candidates import candidates
from multiflexi.models import CredentialType, JobLimit, JobStatus, NamedLimit, QueueEntry
from tests.integration.jobs import builders
from tests.integration.jobs.builders import (
    NOON,
    begin,
    claim,
    end,
    finish,
    finishing,
    in_threads,
    limit,
    make_app,
    queue,
    unscheduled,
    with_credential,
)
from tests.integration.jobs.conftest import app, clock, company, robot, worker  # noqa: F401

SECOND = timedelta(seconds=1)


@pytest.fixture
def bank(company) -> CredentialType:
    return CredentialType.objects.create(name="Bank", company=company)


@pytest.fixture
def other(db):
    """An application that no limit applies to."""
    return make_app(code="other")


def parallel(company, app, **more):
    return unscheduled(company, app, overlap="allow", **more)


def ids(jobs) -> list[int]:
    return [job.pk for job in jobs]


def held() -> Counter[int]:
    """Number of holders by limit."""
    return Counter(JobLimit.objects.values_list("limit_id", flat=True))


class TestPlaces:
    def test_a_limit_of_an_application_binds_its_jobs_only(self, company, app, other, worker):
        bank = limit(2, app)
        limited = queue(parallel(company, app), after=NOON - SECOND, number=5)
        free = queue(parallel(company, other), after=NOON, number=5)
        assert ids(claim(worker, 10)) == ids([*limited[:2], *free])
        assert set(JobLimit.objects.values_list("job_id", "limit_id")) == {(job.pk, bank.pk) for job in limited[:2]}
        assert claim(worker, 10) == []

    def test_a_limit_of_a_credential_type_binds_run_templates_with_such_a_credential(self, company, app, bank, worker):
        one = limit(1, bank)
        [first, _] = [
            job
            for _ in range(2)
            for job in queue(with_credential(parallel(company, app), bank), after=NOON - SECOND, number=1)
        ]
        [free] = queue(parallel(company, app), after=NOON)
        assert ids(claim(worker, 10)) == [first.pk, free.pk]
        assert held() == {one.pk: 1}

    def test_two_credentials_of_a_type_take_one_place(self, company, app, bank, worker):
        one = limit(3, bank, app)
        queue(with_credential(with_credential(parallel(company, app), bank), bank), after=NOON)
        assert len(claim(worker)) == 1
        assert held() == {one.pk: 1}

    def test_a_limit_without_company_binds_all_companies_together(self, company, globex, app, worker):
        limit(3, app)
        for one in (company, globex):
            queue(parallel(one, app), after=NOON, number=5)
        assert len(claim(worker, 10)) == 3

    def test_a_limit_of_a_company_binds_that_company_only(self, company, globex, app, worker):
        limit(1, app, company=company)
        ours = queue(parallel(company, app), after=NOON - SECOND, number=5)
        theirs = queue(parallel(globex, app), after=NOON, number=3)
        assert set(ids(claim(worker, 10))) == {ours[0].pk, *ids(theirs)}

    def test_a_limit_of_a_company_on_a_shared_credential_type_binds_that_company_only(
        self, company, globex, app, worker
    ):
        shared = CredentialType.objects.create(name="Shared", company=None)
        limit(1, shared, company=company)
        for one in (company, globex):
            queue(with_credential(parallel(one, app), shared), after=NOON, number=3)
        assert Counter(job.company_id for job in claim(worker, 10)) == {company.pk: 1, globex.pk: 3}
        assert claim(worker, 10) == []

    def test_a_job_needs_a_place_in_every_limit(self, company, app, other, worker):
        both, own = limit(4, app, other), limit(1, app)
        queue(parallel(company, app), after=NOON - SECOND, number=3)
        queue(parallel(company, other), after=NOON, number=9)
        assert Counter(job.app_id for job in claim(worker, 10)) == {app.pk: 1, other.pk: 3}
        assert held() == {both.pk: 4, own.pk: 1}

    def test_a_place_is_not_spent_on_what_another_limit_stops(self, company, app, other, worker):
        limit(1, app, other)
        limit(0, app)
        queue(parallel(company, app), after=NOON - SECOND, number=3)
        [job] = queue(parallel(company, other), after=NOON)
        assert ids(claim(worker, 10)) == [job.pk]

    def test_a_maximum_of_zero_is_a_full_stop(self, company, app, worker):
        stop = limit(0, app)
        [job] = queue(parallel(company, app), after=NOON)
        assert claim(worker) == []
        NamedLimit.objects.filter(pk=stop.pk).update(maximum=1)
        assert ids(claim(worker)) == [job.pk]

    def test_a_lower_maximum_ends_nothing_and_lets_nothing_in(self, company, app, worker, ring):
        bank = limit(3, app)
        queue(parallel(company, app), after=NOON, number=9)
        first, *_ = begin(claim(worker, 9), NOON)
        NamedLimit.objects.filter(pk=bank.pk).update(maximum=2)
        assert claim(worker) == []
        [first] = builders.stage([first])
        finish(first, JobStatus.SUCCESS, NOON)
        assert claim(worker) == []

    def test_the_application_of_the_job_counts_not_the_one_its_run_template_has_now(self, company, app, other, worker):
        limit(0, app)
        moved, came = parallel(company, app), parallel(company, other)
        queue(moved, after=NOON)
        [free] = queue(came, after=NOON)
        moved.app, came.app = other, app
        moved.save()
        came.save()
        assert ids(claim(worker)) == [free.pk]

    def test_without_limits_one_look_is_all_it_costs(self, company, app, worker, robot):
        queue(parallel(company, app), after=NOON, number=2)
        with CaptureQueriesContext(connection) as free:
            assert len(claim(worker, 1, actor=robot)) == 1
        assert sum("named_limit" in query["sql"] for query in free) == 2  # what is full, and what is needed
        limit(5, app)
        with CaptureQueriesContext(connection) as limited:
            assert len(claim(worker, 1, actor=robot)) == 1
        assert len(limited) == len(free) + 3  # lock, count, insert


class TestBehind:
    """Rows of a full limit never block the rows behind them."""

    def test_any_number_of_rows_of_a_full_limit(self, company, app, other, worker):
        limit(1, app)
        queue(parallel(company, app), after=NOON - SECOND, number=150)
        assert len(claim(worker, 4)) == 1
        [last] = queue(parallel(company, other), after=NOON)
        assert ids(claim(worker, 4)) == [last.pk]

    def test_of_the_same_run_template_queue_with_priority(self, company, app, bank, other, worker):
        limit(0, bank)
        queue(with_credential(parallel(company, app, priority=-9), bank), after=NOON - SECOND, number=100)
        free = queue(parallel(company, other), after=NOON, number=3)
        assert ids(claim(worker, 3)) == ids(free)

    def test_a_full_limit_is_not_looked_at_row_by_row(self, company, app, worker, robot):
        limit(0, app)
        queue(parallel(company, app), after=NOON, number=100)
        assert candidates(NOON, ["Native"], 50) == []

    def test_what_was_seen_before_somebody_elses_claim(self, company, app, worker, monkeypatch):
        limit(1, app)
        queue(parallel(company, app), after=NOON, number=3)
        seen = candidates(NOON, ["Native"], 9)
        assert len(claim(builders.worker("two"), 1)) == 1
        monkeypatch.setattr(claiming, "candidates", lambda *_args, **_more: seen)
        assert claim(worker) == []

    def test_a_limit_deleted_between_look_and_lock_binds_nobody_for_long(self, company, app, worker, monkeypatch):
        doomed = limit(0, app)
        [job] = queue(parallel(company, app), after=NOON)
        needs = {job.pk: [doomed.pk]}
        doomed.delete()
        with monkeypatch.context() as patched:
            patched.setattr(named_limits, "needed_limits", lambda _ids: needs)
            assert claim(worker) == []
        assert ids(claim(worker)) == [job.pk]


class TestFreed:
    """A place goes back with everything that ends the hold on the job."""

    @pytest.fixture
    def waiting(self, company, app, ring):
        limit(1, app)
        return queue(parallel(company, app), after=NOON, number=2)

    @pytest.mark.parametrize(
        "target", [JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.TIMEOUT, JobStatus.TERMINATED, JobStatus.LOST]
    )
    def test_at_every_end(self, waiting, target, worker):
        [job] = begin(claim(worker), NOON)
        if target != JobStatus.LOST:
            [job] = builders.stage([job])
        finish(job, target, NOON)
        assert held() == {}
        assert ids(claim(worker)) == [waiting[1].pk]

    @pytest.mark.parametrize("target", [JobStatus.CANCELLED, JobStatus.BLOCKED, JobStatus.FAILED])
    def test_at_an_end_without_start(self, waiting, target, worker):
        [job] = claim(worker)
        code = None if target != JobStatus.FAILED else 127
        completion.complete([completion.Completion(job, JobStatus.QUEUED, target, NOON, code)], actor=builders.robot())
        assert ids(claim(worker)) == [waiting[1].pk]

    def test_at_a_release(self, waiting, worker):
        [job] = claim(worker)
        claiming.release([Release(job.pk, job.claim)], actor=builders.robot())
        assert held() == {}
        assert ids(claim(worker)) == [job.pk]

    def test_at_a_deferral(self, waiting, worker):
        [job] = claim(worker)
        later = NOON + timedelta(minutes=1)
        claiming.release([Release(job.pk, job.claim, reason="deferred", after=later)], actor=builders.robot())
        assert ids(claim(worker)) == [waiting[1].pk]

    def test_at_an_undone_start(self, waiting, worker):
        [job] = begin(claim(worker), NOON)
        claiming.release([Release(job.pk, job.claim, JobStatus.RUNNING)], actor=builders.robot())
        assert held() == {}

    def test_not_before(self, waiting, worker):
        finishing(worker, NOON)
        assert claim(worker) == []


class TestRaces:
    """Several executors at once; committed changes, real connections."""

    @pytest.fixture(autouse=True)
    def _committed(self, shared_db):
        pass

    def test_the_maximum_is_never_exceeded(self, company, globex, app, clock):
        bank, overlapping = limit(3, app), limit(2, app, make_app(), company=company)
        for one in (company, globex):
            for _ in range(3):
                queue(parallel(one, app), after=NOON, number=20)
        actor = builders.robot()
        most: Counter[int] = Counter()
        running: Counter[int] = Counter()
        guard = threading.Lock()

        def note(jobs, change: int) -> None:
            with guard:
                for job in jobs:
                    running[bank.pk] += change
                    running[overlapping.pk] += change * (job.company_id == company.pk)
                for limit_id, number in running.items():
                    most[limit_id] = max(most[limit_id], number)

        def execute(name: str) -> int:
            owner, ended = builders.worker(name), 0
            while QueueEntry.objects.exists():
                jobs = builders.stage(begin(claim(owner, 4, actor=actor), NOON))
                note(jobs, 1)
                note(jobs, -1)
                completion.complete([end(job, JobStatus.SUCCESS, NOON) for job in jobs], actor=actor)
                ended += len(jobs)
            return ended

        assert sum(in_threads(*[lambda name=f"w{n}": execute(name) for n in range(4)])) == 120
        assert most[bank.pk] <= 3
        assert most[overlapping.pk] <= 2
        assert not JobLimit.objects.exists()

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time: the second cannot come between")
    def test_a_claim_waits_for_another_that_counts_the_same_limit(self, company, app, clock, monkeypatch):
        bank = limit(1, app)
        # More than one claim looks at, so that the other would find rows and run templates that are not locked.
        for _ in range(30):
            queue(parallel(company, app), after=NOON)
        actor = builders.robot()
        counted, hold = threading.Event(), NamedPlaces.hold

        def slowly(self, job_ids) -> None:
            if threading.current_thread().name == "first":
                counted.set()
                # The other claim has no end to tell of while it waits for the lock, so it gets time to go wrong.
                overtaken.wait(0.5)
            hold(self, job_ids)

        overtaken = threading.Event()
        monkeypatch.setattr(NamedPlaces, "hold", slowly)

        def first() -> int:
            threading.current_thread().name = "first"
            return len(claim(builders.worker("one"), 1, actor=actor))

        def second() -> int:
            assert counted.wait(20)
            try:
                return len(claim(builders.worker("two"), 1, actor=actor))
            finally:
                overtaken.set()

        assert in_threads(first, second) == [1, 0]
        assert held() == {bank.pk: 1}

    def test_four_claims_at_once_share_the_places(self, company, app, clock):
        bank = limit(5, app)
        queue(parallel(company, app), after=NOON, number=60)
        actor = builders.robot()

        def execute(name: str) -> int:
            owner = builders.worker(name)
            return sum(len(claim(owner, 4, actor=actor)) for _ in range(5))

        assert sum(in_threads(*[lambda name=f"w{n}": execute(name) for n in range(4)])) == 5
        assert held() == {bank.pk: 5}

    def test_limits_wanted_in_any_order_lock_nobody_out(self, company, app, other, clock):
        """Each claim meets the applications in another order, and looks more than once."""
        kinds = [app, other, make_app(), make_app()]
        for number, kind in enumerate(kinds):
            limit(2 + number, kind)
            limit(3, kind, kinds[number - 1])
        for kind in reversed(kinds):
            queue(parallel(company, kind), after=NOON, number=25)
        actor = builders.robot()

        def execute(name: str) -> int:
            owner, ended = builders.worker(name), 0
            while QueueEntry.objects.exists():
                jobs = builders.stage(begin(claim(owner, 3, actor=actor), NOON))
                completion.complete([end(job, JobStatus.SUCCESS, NOON) for job in jobs], actor=actor)
                ended += len(jobs)
            return ended

        assert sum(in_threads(*[lambda name=f"w{n}": execute(name) for n in range(4)])) == 100

    def test_a_limit_may_change_and_go_while_jobs_are_claimed(self, company, app, clock):
        bank = limit(2, app)
        queue(parallel(company, app), after=NOON, number=60)
        actor = builders.robot()

        def change() -> None:
            for maximum in (1, 4, 0, 3):
                NamedLimit.objects.filter(pk=bank.pk).update(maximum=maximum)
            with transaction.atomic():
                # Nobody takes a place while the limit is locked, so that none is left behind.
                list(backend().lock_waiting(NamedLimit.objects.filter(pk=bank.pk)))
                bank.delete()

        def execute(name: str) -> int:
            owner, ended = builders.worker(name), 0
            while QueueEntry.objects.exists():
                jobs = builders.stage(begin(claim(owner, 4, actor=actor), NOON))
                completion.complete([end(job, JobStatus.SUCCESS, NOON) for job in jobs], actor=actor)
                ended += len(jobs)
            return ended

        _, *ended = in_threads(change, *[lambda name=f"w{n}": execute(name) for n in range(2)])
        assert sum(ended) == 60
