"""The end of jobs: everything that belongs to it is stored together, or nothing is."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection

from multiflexi.jobs import completion
from multiflexi.jobs.overrides import open_overrides
from multiflexi.models import (
    AuditEntry,
    AuditUnsealed,
    Job,
    JobHistory,
    JobLimit,
    JobStatus,
    NamedLimit,
    OutcomeRollup,
    QueueEntry,
    RunTemplate,
    Task,
)
from multiflexi.record import audit
from multiflexi.vault import envelope
from tests.integration.jobs.builders import NOON, begin, claim, end, finish, finishing, fresh, queue, stage, unscheduled

S = JobStatus
# Savepoints included; the same for one job and for a hundred.
STATEMENTS = 20


@pytest.fixture(autouse=True)
def _keys(ring):
    pass


@pytest.fixture
def one(company, app) -> RunTemplate:
    return unscheduled(company, app, overlap="allow")


def in_state(one: RunTemplate, worker, state: JobStatus, number: int = 1, **more) -> list[Job]:
    jobs = queue(one, after=NOON, number=number, **more)
    if state == S.PENDING:
        return jobs
    taken = claim(worker, number)
    if state == S.QUEUED:
        return taken
    running = begin(taken, NOON)
    return running if state == S.RUNNING else stage(running)


ENDS = [
    (S.FINISHING, S.SUCCESS, 1, 0),
    (S.FINISHING, S.FAILED, 0, 1),
    (S.FINISHING, S.TIMEOUT, 0, 1),
    (S.FINISHING, S.TERMINATED, 0, 1),
    (S.RUNNING, S.LOST, 0, 1),
    (S.QUEUED, S.BLOCKED, 0, 1),
    (S.QUEUED, S.FAILED, 0, 1),
    (S.QUEUED, S.CANCELLED, 0, 0),
    (S.PENDING, S.CANCELLED, 0, 0),
    (S.PENDING, S.FAILED, 0, 1),
]


@pytest.mark.parametrize(("source", "target", "good", "bad"), ENDS)
def test_an_end_writes_all_that_belongs_to_it(source, target, good, bad, company, app, worker, clock, robot):
    one = unscheduled(company, app)
    [job] = in_state(one, worker, source)
    limit = NamedLimit.objects.create(name="bank", maximum=1)
    JobLimit.objects.create(job=job, limit=limit)
    Job.objects.filter(pk=job.pk).update(staged_result={"exit_code": 0})
    ended = NOON + timedelta(minutes=3)
    clock.set(ended + timedelta(seconds=1))
    more = {"detail": "because", "values": {"stdout": "tail"}}
    if target in (S.CANCELLED, S.BLOCKED):
        more |= {"reason": target.value}

    assert finish(job, target, ended, **more) == []

    [job] = fresh([job])
    assert (job.status, job.end, job.reason_detail, job.stdout) == (target, ended, "because", "tail")
    assert job.staged_result is None
    assert (job.exitcode is None) == (target in (S.CANCELLED, S.BLOCKED))
    assert (job.block_reason, job.blocked_at) == (("because", ended) if target == S.BLOCKED else (None, None))
    one.refresh_from_db()
    assert (one.successfull_jobs_count, one.failed_jobs_count, one.running_job_id) == (good, bad, None)
    assert QueueEntry.objects.count() == JobLimit.objects.count() == 0
    row = JobHistory.objects.latest("pk")
    assert (row.from_status, row.to_status, row.detail, row.at) == (source, target, "because", clock.instant)
    assert OutcomeRollup.objects.count() == good + bad
    entry = AuditEntry.objects.get()
    assert (entry.entity_type, entry.entity_id, entry.action, entry.company_id) == ("Job", job.pk, "run", company.pk)
    assert entry.additional_data["status"] == target
    assert audit.verify_entry(entry)
    assert AuditUnsealed.objects.count() == 1


def test_a_job_that_does_not_hold_the_lock_leaves_it(company, app, worker, one):
    RunTemplate.objects.update(overlap="queue-one")
    holder, waiting = queue(one, after=NOON, number=2)
    claim(worker)
    finish(waiting, S.CANCELLED, NOON)
    one.refresh_from_db()
    assert one.running_job_id == holder.pk


def test_a_job_without_run_template_ends_too(one, worker):
    [job] = in_state(one, worker, S.FINISHING)
    Job.objects.update(runtemplate=None)
    [job] = fresh([job])
    finish(job, S.SUCCESS, NOON)
    assert fresh([job])[0].status == S.SUCCESS
    assert OutcomeRollup.objects.count() == 0


class TestBatch:
    @pytest.mark.parametrize("number", [1, 100])
    def test_costs_the_same_number_of_statements(self, number, one, worker, robot, queries):
        jobs = in_state(one, worker, S.FINISHING, number)
        batch = [end(job, S.SUCCESS, NOON) for job in jobs]
        with queries(STATEMENTS):
            completion.complete(batch, actor=robot)
        one.refresh_from_db()
        assert one.successfull_jobs_count == number
        assert AuditEntry.objects.count() == number

    def test_with_retries_costs_the_same_number_of_statements(self, one, worker, robot, queries):
        RunTemplate.objects.update(max_retries=5)
        batch = [end(job, S.FAILED, NOON) for job in in_state(one, worker, S.FINISHING, 100)]
        inserts = 10 if connection.vendor == "sqlite" else 3
        with queries(STATEMENTS + 8 + inserts):
            assert len(completion.complete(batch, actor=robot)) == 100

    def test_nothing_to_do_asks_nothing(self, robot, queries):
        with queries(0):
            assert completion.complete([], actor=robot) == []

    @pytest.mark.parametrize("step", ["_count", "_retry", "_rollup"])
    def test_is_stored_as_a_whole_or_not_at_all(self, step, one, worker, robot, monkeypatch):
        self.nothing_stored(one, worker, robot, monkeypatch, completion, step)

    @pytest.mark.parametrize("step", ["write_many"])
    def test_without_its_audit_entries_nothing_ends(self, step, one, worker, robot, monkeypatch):
        self.nothing_stored(one, worker, robot, monkeypatch, audit, step)

    def nothing_stored(self, one, worker, robot, monkeypatch, module, step) -> None:
        RunTemplate.objects.update(max_retries=1)
        jobs = in_state(one, worker, S.FINISHING, 3)

        def broken(*_args):
            raise DatabaseError("broken")

        monkeypatch.setattr(module, step, broken)
        with pytest.raises(DatabaseError, match="broken"):
            completion.complete([end(job, S.FAILED, NOON) for job in jobs], actor=robot)
        assert set(Job.objects.values_list("status", flat=True)) == {S.FINISHING}
        assert (QueueEntry.objects.count(), OutcomeRollup.objects.count(), AuditEntry.objects.count()) == (3, 0, 0)
        one.refresh_from_db()
        assert one.failed_jobs_count == 0
        monkeypatch.undo()
        assert len(completion.complete([end(job, S.FAILED, NOON) for job in jobs], actor=robot)) == 3

    def test_one_culprit_of_many(self, one, worker, robot):
        """What the runner does with a failed batch: one by one, and only the culprit is left."""
        jobs = in_state(one, worker, S.FINISHING, 5)
        ends = [end(job, S.SUCCESS, NOON) for job in jobs]
        ends[2].values = {"failure_reason": "x" * 33}  # Longer than its column: SQLite does not mind, so it is checked.
        if connection.vendor == "sqlite":
            ends[2].values = {"status": "nonsense"}
        with pytest.raises(DatabaseError):
            completion.complete(ends, actor=robot)
        assert Job.objects.filter(status=S.FINISHING).count() == 5
        for index, one_end in enumerate(ends):
            if index != 2:
                completion.complete([one_end], actor=robot)
        assert Job.objects.filter(status=S.SUCCESS).count() == 4

    def test_of_several_run_templates_counts_each(self, company, app, worker, robot):
        templates = [unscheduled(company, app, overlap="allow") for _ in range(3)]
        for number, one in enumerate(templates, 1):
            queue(one, after=NOON, number=2 * number)
        jobs = finishing(worker, NOON)
        completion.complete(
            [end(job, S.SUCCESS if index % 2 else S.FAILED, NOON) for index, job in enumerate(reversed(jobs))],
            actor=robot,
        )
        counts = RunTemplate.objects.order_by("pk").values_list("successfull_jobs_count", "failed_jobs_count")
        assert [sum(pair) for pair in counts] == [2, 4, 6]


class TestSecrets:
    @pytest.fixture
    def job(self, one, worker) -> Job:
        [job] = in_state(one, worker, S.FINISHING, overrides={"API_TOKEN": "s3cret", "CITY": "Brno"})
        sealed = envelope.seal("pa55", key="credentials", table="job", field="env.PASSWORD", record=job.pk)
        Job.objects.filter(pk=job.pk).update(env={"PASSWORD": sealed, "CITY": "Brno"})
        return fresh([job])[0]

    def test_go_with_the_end_of_the_job_and_their_names_stay(self, job):
        assert envelope.is_sealed(job.overrides["API_TOKEN"])
        finish(job, S.SUCCESS, NOON)
        [job] = fresh([job])
        assert job.env == {"PASSWORD": None, "CITY": "Brno"}
        assert job.overrides == {"API_TOKEN": None, "CITY": "Brno"}

    def test_stay_when_the_installation_keeps_them(self, job, settings):
        settings.MULTIFLEXI_KEEP_JOB_SECRETS = True
        finish(job, S.SUCCESS, NOON)
        [job] = fresh([job])
        assert envelope.open_sealed(job.env["PASSWORD"], table="job", field="env.PASSWORD", record=job.pk) == "pa55"
        assert open_overrides(job.overrides, job.pk) == {"API_TOKEN": "s3cret", "CITY": "Brno"}

    def test_sealed_again_meanwhile_are_not_overwritten_with_what_was_read_before(self, job, settings):
        settings.MULTIFLEXI_KEEP_JOB_SECRETS = True
        again = envelope.seal("pa55", key="credentials", table="job", field="env.PASSWORD", record=job.pk)
        Job.objects.filter(pk=job.pk).update(env={"PASSWORD": again})
        finish(job, S.SUCCESS, NOON)
        assert fresh([job])[0].env == {"PASSWORD": again}

    def test_are_handed_on_to_the_retry_sealed_for_it(self, job):
        RunTemplate.objects.update(max_retries=1)
        [job] = fresh([job])
        [retry] = finish(job, S.FAILED, NOON)
        [retry] = fresh([retry])
        assert "s3cret" not in str(retry.overrides)
        assert open_overrides(retry.overrides, retry.pk) == {"API_TOKEN": "s3cret", "CITY": "Brno"}
        assert fresh([job])[0].overrides["API_TOKEN"] is None

    def test_that_can_no_longer_be_opened_do_not_hold_the_end_up(self, job):
        RunTemplate.objects.update(max_retries=1)
        broken = envelope.seal("x", key="credentials", table="job", field="overrides.OTHER", record=1)
        Job.objects.filter(pk=job.pk).update(overrides={"API_TOKEN": broken})
        [job] = fresh([job])
        assert finish(job, S.FAILED, NOON) == []
        [job] = fresh([job])
        assert (job.status, job.retries.count()) == (S.FAILED, 0)


class TestRollup:
    def row(self, **which) -> OutcomeRollup:
        return OutcomeRollup.objects.get(**which)

    def test_adds_up_over_batches(self, one, worker, robot):
        for durations in ([3, 1.25], [0.5], [7, 2]):
            jobs = in_state(one, worker, S.FINISHING, len(durations))
            completion.complete(
                [
                    end(job, S.SUCCESS, NOON + timedelta(seconds=seconds))
                    for job, seconds in zip(jobs, durations, strict=True)
                ],
                actor=robot,
            )
        row = self.row()
        assert (row.count, row.outcome, row.trigger_kind, row.hour) == (5, "success", "manual", NOON)
        assert row.duration_sum == Decimal("13.750")
        assert (row.duration_min, row.duration_max) == (Decimal("0.500"), Decimal("7.000"))
        assert row.wait_sum == 0

    def test_keeps_hours_outcomes_and_causes_apart(self, one, worker, robot, company):
        task = Task.objects.create(
            runtemplate=one, company=company, window_start=NOON, window_end=NOON + timedelta(1), deadline=NOON
        )
        in_state(one, worker, S.PENDING, task_id=task.pk, slot=NOON)
        jobs = in_state(one, worker, S.FINISHING, 6)
        later = NOON + timedelta(hours=1)
        codes = [(S.SUCCESS, 0), (S.FAILED, 1), (S.FAILED, 2), (S.FAILED, 127), (S.TIMEOUT, 124), (S.SUCCESS, 0)]
        batch = [end(job, state, NOON, code) for job, (state, code) in zip(jobs, codes, strict=True)]
        batch[-1].end = later
        completion.complete(batch, actor=robot)
        rows = OutcomeRollup.objects.values_list("hour", "outcome", "trigger_kind", "count")
        assert sorted(rows) == sorted(
            [
                (NOON, "success", "schedule", 1),
                (NOON, "warning", "manual", 1),
                (NOON, "failure", "manual", 1),
                (NOON, "notfound", "manual", 1),
                (NOON, "timeout", "manual", 1),
                (later, "success", "manual", 1),
            ]
        )

    def test_counts_the_wait_from_the_planned_start(self, one, worker, robot):
        queue(one, after=NOON - timedelta(seconds=90))
        [job] = finishing(worker, NOON)
        finish(job, S.SUCCESS, NOON + timedelta(seconds=1))
        assert self.row().wait_sum == Decimal("90.000")

    def test_a_clock_that_went_back_gives_no_negative_time(self, one, worker):
        [job] = in_state(one, worker, S.FINISHING)
        finish(job, S.SUCCESS, NOON - timedelta(seconds=5))
        assert (self.row().duration_sum, self.row().duration_min) == (0, 0)
