"""What every database's queue promises about claims: order, busy rows, caps, release, leases and fencing."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from multiflexi.jobs import claiming, completion
from multiflexi.jobs.claiming import Release
from multiflexi.jobs.lifecycle import Move, StaleJobs, move
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.candidates import candidates
from multiflexi.models import Company, Job, JobHistory, JobLimit, JobStatus, NamedLimit, QueueEntry, RunTemplate
from tests.integration.jobs import builders
from tests.integration.jobs.builders import NOON, begin, claim, end, fresh, in_threads, queue, unscheduled
from tests.integration.jobs.conftest import app, clock, company, robot, worker  # noqa: F401

P, Q = JobStatus.PENDING, JobStatus.QUEUED
SECOND = timedelta(seconds=1)


@pytest.fixture
def parallel(company, app):
    """A run template whose jobs may run at once."""
    return unscheduled(company, app, overlap="allow")


def ids(jobs) -> list[int]:
    return [job.pk for job in jobs]


class TestClaim:
    def test_takes_a_batch_with_token_lease_lock_and_history(self, company, app, worker, clock, settings):
        settings.MULTIFLEXI_LEASE_SECONDS = 60
        one = unscheduled(company, app)
        [job] = queue(one, after=clock.instant)
        [taken] = claim(worker)
        assert (taken.pk, taken.status, taken.claim, taken.worker_id) == (job.pk, Q, 1, worker.pk)
        assert taken.queued_at == clock.instant
        entry = QueueEntry.objects.get()
        assert (entry.worker_id, entry.claimed_at) == (worker.pk, clock.instant)
        assert entry.lease_until == clock.instant + timedelta(seconds=60)
        one.refresh_from_db()
        assert one.running_job_id == job.pk
        row = JobHistory.objects.get(from_status=P)
        assert (row.to_status, row.claim, row.at) == (Q, 1, clock.instant)

    def test_brings_what_belongs_to_the_job_in_a_bounded_number_of_statements(self, parallel, worker, queries):
        queue(parallel, after=NOON, number=20)
        with queries(15):
            taken = claim(worker, 20)
        with queries(0):
            assert {(job.app.code, job.company.name, job.runtemplate.pk) for job in taken} == {
                ("probe", "ACME", parallel.pk)
            }

    def test_looks_once_when_nothing_waits(self, worker, robot, queries):
        with queries(1):
            assert claim(worker, actor=robot) == []

    @pytest.mark.parametrize("places", [0, -1])
    def test_without_a_place_asks_nothing(self, places, parallel, worker, robot, queries):
        queue(parallel, after=NOON)
        with queries(0):
            assert claim(worker, places, actor=robot) == []

    def test_takes_no_more_than_there_are_places(self, parallel, worker):
        queue(parallel, after=NOON, number=5)
        assert [len(claim(worker, 3)) for _ in range(3)] == [3, 2, 0]

    def test_never_takes_what_is_not_due(self, parallel, worker, clock):
        queue(parallel, after=clock.instant + timedelta(microseconds=1))
        assert claim(worker) == []
        clock.forward(microseconds=1)
        assert len(claim(worker)) == 1

    def test_serves_only_its_modules(self, parallel, worker):
        queue(parallel, after=NOON, executor="Docker")
        assert claim(worker, modules=()) == []
        assert claim(worker, modules=("Native", "Podman")) == []
        assert len(claim(worker, modules=("Native", "Docker"))) == 1

    def test_only_means_that_job(self, parallel, worker):
        _, second, _ = queue(parallel, after=NOON, number=3)
        assert ids(claim(worker, only=second.pk)) == [second.pk]
        assert claim(worker, only=second.pk) == []


class TestOrder:
    def test_priority_then_age_then_id(self, company, app, worker):
        late = unscheduled(company, app, overlap="allow", priority=5)
        urgent = unscheduled(company, app, overlap="allow", priority=-5)
        usual = unscheduled(company, app, overlap="allow")
        [behind] = queue(late, after=NOON - 9 * SECOND)
        [younger] = queue(usual, after=NOON - SECOND)
        older = queue(usual, after=NOON - 2 * SECOND, number=2)
        [first] = queue(urgent, after=NOON)
        assert ids(claim(worker, 10)) == ids([first, *older, younger, behind])

    def test_a_company_with_few_jobs_is_not_behind_one_with_many(self, company, globex, app, worker):
        many = queue(unscheduled(company, app, overlap="allow"), after=NOON - 60 * SECOND, number=20)
        few = queue(unscheduled(globex, app, overlap="allow"), after=NOON, number=2)
        assert ids(claim(worker, 4)) == ids([many[0], few[0], many[1], few[1]])

    def test_what_a_company_has_running_counts(self, company, globex, app, worker):
        ours, theirs = (unscheduled(one, app, overlap="allow") for one in (company, globex))
        queue(ours, after=NOON - 60 * SECOND, number=9)
        assert len(claim(worker, 3)) == 3
        waiting = queue(theirs, after=NOON, number=4)
        assert ids(claim(worker, 3)) == ids(waiting[:3])


class TestBusy:
    """A row that cannot be taken never blocks the rows behind it."""

    @pytest.fixture
    def behind(self, company, app):
        """Run template whose single job is younger than everything else."""
        return unscheduled(company, app)

    def test_one_job_of_a_serialised_run_template_at_a_time(self, company, app, worker, behind):
        queue(unscheduled(company, app), after=NOON - SECOND, number=50)
        [last] = queue(behind, after=NOON)
        found = ids(claim(worker, 2)) + ids(claim(worker, 2)) + ids(claim(worker, 2))
        assert len(found) == 2
        assert last.pk in found

    def test_one_at_its_parallel_limit(self, company, app, worker, behind):
        queue(unscheduled(company, app, overlap="allow", max_parallel=2), after=NOON - SECOND, number=50)
        assert len(claim(worker, 5)) == 2
        [last] = queue(behind, after=NOON)
        assert ids(claim(worker, 1)) == [last.pk]

    def test_a_parallel_limit_of_zero_is_none(self, company, app, worker):
        queue(unscheduled(company, app, overlap="allow", max_parallel=0), after=NOON, number=6)
        assert [len(claim(worker, 3)), len(claim(worker, 3))] == [3, 3]

    def test_a_company_at_its_cap(self, company, globex, app, worker):
        Company.objects.filter(pk=company.pk).update(max_running=2)
        queue(unscheduled(company, app, overlap="allow"), after=NOON - SECOND, number=150)
        assert len(claim(worker, 5)) == 2
        queue(unscheduled(globex, app, overlap="allow"), after=NOON, number=61)
        assert len(claim(worker, 60)) == 60
        # Globex has more running than ACME, whose many rows come first but have no room.
        assert len(claim(worker, 1)) == 1

    def test_a_company_with_the_cap_zero_runs_nothing(self, company, app, worker):
        Company.objects.filter(pk=company.pk).update(max_running=0)
        queue(unscheduled(company, app, overlap="allow"), after=NOON)
        assert claim(worker) == []

    def test_a_cap_is_not_spent_on_what_cannot_run(self, company, app, worker, behind):
        Company.objects.filter(pk=company.pk).update(max_running=2)
        queue(unscheduled(company, app), after=NOON - SECOND, number=3)
        [last] = queue(behind, after=NOON)
        assert last.pk in ids(claim(worker, 4))

    def test_places_left_by_a_cap_go_to_others_in_the_same_claim(self, company, globex, app, worker):
        Company.objects.filter(pk=company.pk).update(max_running=1)
        theirs = unscheduled(globex, app, overlap="allow")
        queue(theirs, after=NOON, number=30)
        assert len(claim(worker, 20)) == 20
        queue(unscheduled(company, app, overlap="allow"), after=NOON, number=40)
        assert len(claim(worker, 4)) == 4

    def test_a_serialised_run_template_whose_jobs_ran_in_parallel_waits_for_them(self, company, app, worker):
        one = unscheduled(company, app, overlap="allow")
        queue(one, after=NOON, number=3)
        assert len(claim(worker, 2)) == 2
        RunTemplate.objects.update(overlap="queue-one")
        assert claim(worker) == []

    def test_a_parallel_run_template_does_not_care_for_an_old_lock(self, company, app, worker):
        one = unscheduled(company, app)
        queue(one, after=NOON, number=3)
        assert len(claim(worker)) == 1
        RunTemplate.objects.update(overlap="allow")
        assert len(claim(worker)) == 2

    @pytest.mark.parametrize("busy", ["serialised", "parallel limit", "company"])
    def test_what_was_seen_before_somebody_elses_claim(self, busy, company, app, worker, clock, monkeypatch):
        """Between the look and the lock another executor takes the only place there is."""
        fields = {"serialised": {}, "parallel limit": {"overlap": "allow", "max_parallel": 1}}
        Company.objects.update(max_running=1 if busy == "company" else None)
        queue(unscheduled(company, app, **fields.get(busy, {"overlap": "allow"})), after=NOON, number=3)
        seen = candidates(NOON, ["Native"], 9)
        assert len(claim(builders.worker("two"), 1)) == 1
        monkeypatch.setattr(claiming, "candidates", lambda *_args, **_more: seen)
        assert claim(worker) == []

    def test_a_row_whose_job_does_not_wait(self, parallel, worker):
        broken, whole = queue(parallel, after=NOON, number=2)
        Job.objects.filter(pk=broken.pk).update(status=JobStatus.RUNNING)
        assert ids(claim(worker)) == [whole.pk]

    def test_a_job_without_run_template(self, parallel, worker):
        [job] = queue(parallel, after=NOON)
        Job.objects.update(runtemplate=None)
        QueueEntry.objects.update(runtemplate=None)
        assert ids(claim(worker)) == [job.pk]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time: there is nothing to skip")
class TestLockedRows:
    """Others hold locks; the claim takes what is free at once instead of waiting."""

    @pytest.fixture(autouse=True)
    def _committed(self, shared_db):
        pass

    def locked(self, rows, taken: list[int], places: int = 3) -> None:
        """Claim in a second connection while this one holds the rows."""
        with transaction.atomic():
            assert list(backend().lock_waiting(rows))
            in_threads(lambda: taken.extend(ids(claim(builders.worker("two"), places))))

    def test_queue_rows(self, company, app, clock):
        waiting = queue(unscheduled(company, app, overlap="allow"), after=NOON, number=60)
        taken: list[int] = []
        front = QueueEntry.objects.filter(job_id__in=ids(waiting[:30])).order_by("pk")
        self.locked(front, taken)
        assert len(taken) == 3
        assert not set(taken) & set(ids(waiting[:30]))

    def test_run_templates(self, company, app, clock):
        busy, free = unscheduled(company, app, overlap="allow"), unscheduled(company, app, overlap="allow")
        queue(busy, after=NOON - SECOND, number=30)
        [last] = queue(free, after=NOON)
        taken: list[int] = []
        self.locked(RunTemplate.objects.filter(pk=busy.pk), taken)
        assert taken == [last.pk]

    def test_capped_companies(self, company, globex, app, clock):
        Company.objects.filter(pk=company.pk).update(max_running=5)
        queue(unscheduled(company, app, overlap="allow"), after=NOON - SECOND, number=30)
        [last] = queue(unscheduled(globex, app), after=NOON)
        taken: list[int] = []
        self.locked(Company.objects.filter(pk=company.pk), taken)
        assert taken == [last.pk]


class TestRelease:
    def test_gives_everything_back(self, company, app, worker, clock):
        one = unscheduled(company, app)
        queue(one, after=NOON)
        [job] = claim(worker)
        limit = NamedLimit.objects.create(name="bank", maximum=2)
        JobLimit.objects.create(job=job, limit=limit)
        claiming.release([Release(job.pk, job.claim, reason="stopped")], actor=builders.robot())
        [job] = fresh([job])
        assert (job.status, job.claim, job.worker_id, job.queued_at) == (P, 1, None, None)
        entry = QueueEntry.objects.get()
        assert (entry.worker_id, entry.lease_until, entry.claimed_at, entry.after) == (None, None, None, NOON)
        one.refresh_from_db()
        assert (one.running_job_id, JobLimit.objects.count()) == (None, 0)
        assert JobHistory.objects.get(from_status=Q).reason == "stopped"
        [again] = claim(worker)
        assert (again.pk, again.claim) == (job.pk, 2)

    def test_of_an_undone_start_forgets_the_process(self, parallel, worker, clock):
        queue(parallel, after=NOON)
        [job] = begin(claim(worker), NOON)
        Job.objects.update(pid=7, host="h", boot_id="b", spool_path="/s", handle={"a": 1})
        claiming.release([Release(job.pk, job.claim, JobStatus.RUNNING)], actor=builders.robot())
        [job] = fresh([job])
        assert (job.status, job.begin, job.pid, job.host, job.boot_id, job.spool_path, job.handle) == (P, *[None] * 6)

    def test_may_move_the_launch(self, parallel, worker, clock):
        queue(parallel, after=NOON, number=2)
        one, two = claim(worker)
        later = NOON + timedelta(minutes=5)
        claiming.release([Release(one.pk, 1, after=later), Release(two.pk, 1)], actor=builders.robot())
        assert dict(QueueEntry.objects.values_list("job_id", "after")) == {one.pk: later, two.pk: NOON}
        assert ids(claim(worker)) == [two.pk]

    def test_is_all_or_nothing(self, parallel, worker):
        queue(parallel, after=NOON, number=2)
        one, two = claim(worker)
        with pytest.raises(StaleJobs):
            claiming.release([Release(one.pk, 1), Release(two.pk, 7)], actor=builders.robot())
        assert set(Job.objects.values_list("status", flat=True)) == {Q}
        assert QueueEntry.objects.filter(worker=worker).count() == 2


class TestLeases:
    def test_are_renewed_together_and_only_ours(self, parallel, worker, clock, queries, settings):
        settings.MULTIFLEXI_LEASE_SECONDS = 60
        queue(parallel, after=NOON, number=5)
        watched = [job.pk for job in claim(worker, 3)]
        (unwatched,) = claim(worker, 1)
        other = builders.worker("two")
        theirs = [job.pk for job in claim(other, 1)]
        clock.forward(seconds=30)
        with queries(1):
            assert claiming.renew_leases(worker, [*watched, *theirs]) == 3
        leases = QueueEntry.objects.filter(job_id__in=watched).values_list("lease_until", flat=True)
        assert set(leases) == {NOON + timedelta(seconds=90)}
        for unrenewed in (unwatched.pk, *theirs):
            assert QueueEntry.objects.get(job_id=unrenewed).lease_until == NOON + timedelta(seconds=60)
        assert claiming.renew_leases(worker, []) == 0


class TestFencing:
    """Whoever holds an old token changes nothing."""

    @pytest.fixture
    def replaced(self, parallel, worker, ring):
        """Two running jobs, of which the second was adopted by another process."""
        queue(parallel, after=NOON, number=2)
        kept, lost = begin(claim(worker), NOON)
        R = JobStatus.RUNNING
        move([Move(lost.pk, lost.claim, R, R, takes_over=True)], actor=builders.robot())
        return kept, lost

    def unchanged(self, kept, lost) -> None:
        states = dict(Job.objects.values_list("pk", "claim"))
        assert states == {kept.pk: 1, lost.pk: 2}
        assert set(Job.objects.values_list("status", flat=True)) == {JobStatus.RUNNING}
        assert QueueEntry.objects.count() == 2
        assert not JobHistory.objects.exclude(to_status__in=["pending", "queued", "running"]).exists()

    def test_move(self, replaced):
        moves = [Move(job.pk, 1, JobStatus.RUNNING, JobStatus.FINISHING) for job in replaced]
        with pytest.raises(StaleJobs):
            move(moves, actor=builders.robot())
        self.unchanged(*replaced)

    def test_complete(self, replaced):
        batch = [end(job, JobStatus.LOST, NOON) for job in replaced]
        with pytest.raises(StaleJobs):
            completion.complete(batch, actor=builders.robot())
        self.unchanged(*replaced)
        assert RunTemplate.objects.get().failed_jobs_count == 0

    def test_release(self, replaced):
        releases = [Release(job.pk, 1, JobStatus.RUNNING) for job in replaced]
        with pytest.raises(StaleJobs):
            claiming.release(releases, actor=builders.robot())
        self.unchanged(*replaced)

    def test_the_new_owner_goes_on(self, replaced):
        kept, lost = fresh(replaced)
        completion.complete([end(job, JobStatus.LOST, NOON) for job in (kept, lost)], actor=builders.robot())
        assert QueueEntry.objects.count() == 0


def test_candidates_leave_out_what_was_seen(parallel, clock):
    queue(parallel, after=NOON, number=4)
    rows = candidates(NOON, ["Native"], 4)
    assert candidates(NOON, ["Native"], 4, without=rows[:2]) == rows[2:]
    assert len(candidates(NOON, ["Native"], 2)) == 2


def test_a_long_queue_costs_no_more_statements(parallel, worker, queries):
    queue(parallel, after=NOON, number=400)
    with queries(15):
        assert len(claim(worker, 10)) == 10


@pytest.mark.slow
def test_a_long_queue_is_not_counted_once_per_row(parallel, worker):
    """With a count for each row this would take the square of the queue's length: minutes."""
    queue(parallel, after=NOON, number=6000)
    claim(worker, 10)
    begun = time.perf_counter()
    claim(worker, 10)
    assert time.perf_counter() - begun < 1.5
