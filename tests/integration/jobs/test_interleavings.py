"""Random interleavings of everybody who changes jobs keep the invariants."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from multiflexi.jobs import claiming, completion, lifecycle
from multiflexi.jobs.claiming import Release
from multiflexi.jobs.lifecycle import Move, StaleJobs
from multiflexi.models import (
    ACTIVE_STATES,
    LIVE_STATES,
    UNSUCCESSFUL_STATES,
    Company,
    Job,
    JobHistory,
    JobStatus,
    OutcomeRollup,
    QueueEntry,
    RunTemplate,
)
from tests.integration.jobs import builders
from tests.integration.jobs.builders import NOON, begin, claim, end, fresh, make_app, queue, stage, unscheduled

S = JobStatus
PICK = st.integers(0, 10_000)
ENDS = {
    S.QUEUED: (S.BLOCKED, S.FAILED, S.CANCELLED),
    S.RUNNING: (S.LOST,),
    S.FINISHING: (S.SUCCESS, S.FAILED, S.TIMEOUT, S.TERMINATED),
    S.PENDING: (S.CANCELLED, S.FAILED),
}


@dataclass
class Known:
    """What the model believes about a job."""

    state: JobStatus
    claim: int
    changes: int = 1


class Everybody(RuleBasedStateMachine):
    """Two executors, people and the retry rule, against a model of one line per job."""

    def __init__(self) -> None:
        super().__init__()
        self._frame = transaction.atomic()
        self._frame.__enter__()
        app, company = make_app(), Company.objects.create(name="Model")
        self.templates = [
            unscheduled(company, app, max_retries=1),
            unscheduled(company, app, overlap="allow", max_parallel=2),
            unscheduled(company, app, overlap="allow", max_retries=2),
        ]
        self.workers = [builders.worker("one"), builders.worker("two")]
        self.actor = builders.robot()
        self.known: dict[int, Known] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._frame.__exit__(None, None, None)

    def some(self, pick: int, *states: JobStatus) -> Job | None:
        ids = sorted(job_id for job_id, one in self.known.items() if one.state in states)
        return Job.objects.select_related("runtemplate").get(pk=ids[pick % len(ids)]) if ids else None

    def changed(self, job_id: int, state: JobStatus, *, taken: bool = False) -> None:
        one = self.known[job_id]
        one.state, one.claim, one.changes = state, one.claim + taken, one.changes + 1

    @rule(pick=PICK, number=st.integers(1, 3))
    def ask(self, pick: int, number: int) -> None:
        for job in queue(self.templates[pick % 3], after=NOON, number=number, actor=self.actor):
            self.known[job.pk] = Known(S.PENDING, 0)

    @rule(pick=PICK, places=st.integers(1, 4))
    def claim(self, pick: int, places: int) -> None:
        for job in claim(self.workers[pick % 2], places, actor=self.actor):
            assert self.known[job.pk].state == S.PENDING
            self.changed(job.pk, S.QUEUED, taken=True)

    @rule(pick=PICK, source=st.sampled_from([S.QUEUED, S.RUNNING]))
    def give_back(self, pick: int, source: JobStatus) -> None:
        job = self.some(pick, source)
        if job:
            claiming.release([Release(job.pk, job.claim, source)], actor=self.actor)
            self.changed(job.pk, S.PENDING)

    @rule(pick=PICK)
    def start(self, pick: int) -> None:
        job = self.some(pick, S.QUEUED)
        if job:
            begin([job], NOON)
            self.changed(job.pk, S.RUNNING)

    @rule(pick=PICK)
    def process_ends(self, pick: int) -> None:
        job = self.some(pick, S.RUNNING)
        if job:
            stage([job])
            self.changed(job.pk, S.FINISHING)

    @rule(pick=PICK, source=st.sampled_from([S.RUNNING, S.FINISHING]))
    def adopt(self, pick: int, source: JobStatus) -> None:
        job = self.some(pick, source)
        if job:
            lifecycle.move([Move(job.pk, job.claim, source, source, takes_over=True)], actor=self.actor)
            self.changed(job.pk, source, taken=True)

    @rule(pick=PICK, other=PICK, source=st.sampled_from(sorted(ENDS)))
    def finish(self, pick: int, other: int, source: JobStatus) -> None:
        """One or two at once, as the executor's batches do."""
        jobs = {job.pk: job for job in (self.some(pick, source), self.some(other, source)) if job}
        if not jobs:
            return
        targets = {job_id: ENDS[source][(pick + job_id) % len(ENDS[source])] for job_id in jobs}
        batch = [end(job, targets[job_id], NOON, source=source) for job_id, job in jobs.items()]
        for retry in completion.complete(batch, actor=self.actor):
            self.known[retry.pk] = Known(S.PENDING, 0)
            assert retry.retry_of_id in jobs
            assert targets[retry.retry_of_id] in UNSUCCESSFUL_STATES
        for job_id, target in targets.items():
            self.changed(job_id, target)

    @rule(pick=PICK)
    def change_policy(self, pick: int) -> None:
        one = self.templates[0]
        running = QueueEntry.objects.filter(runtemplate=one, worker__isnull=False).count()
        if running <= 1:
            RunTemplate.objects.filter(pk=one.pk).update(overlap="allow" if pick % 2 and not running else "queue-one")

    @precondition(lambda self: any(one.claim for one in self.known.values()))
    @rule(pick=PICK, towards=st.sampled_from(sorted(S)))
    def old_owner_writes(self, pick: int, towards: JobStatus) -> None:
        owned = sorted(job_id for job_id, one in self.known.items() if one.claim)
        job = Job.objects.get(pk=owned[pick % len(owned)])
        for source in LIVE_STATES:
            if (source, towards) in lifecycle.TRANSITIONS:
                stale = Move(job.pk, job.claim - 1, source, towards, {"end": NOON})
                try:
                    lifecycle.move([stale], actor=self.actor)
                except StaleJobs:
                    continue
                raise AssertionError(f"an old owner moved a job from {source} to {towards}")

    @rule(pick=PICK)
    def ended_job_is_ended_again(self, pick: int) -> None:
        job = self.some(pick, *(state for state in S if state.is_final))
        if job is None:
            return
        try:
            completion.complete([end(job, S.SUCCESS, NOON, source=S.FINISHING)], actor=self.actor)
        except StaleJobs:
            return
        raise AssertionError("an ended job ended again")

    @invariant()
    def states_and_tokens_are_as_known(self) -> None:
        rows = {pk: (status, token) for pk, status, token in Job.objects.values_list("pk", "status", "claim")}
        assert rows == {job_id: (one.state, one.claim) for job_id, one in self.known.items()}

    @invariant()
    def each_live_job_has_one_queue_row(self) -> None:
        live = sorted(job_id for job_id, one in self.known.items() if one.state in LIVE_STATES)
        assert sorted(QueueEntry.objects.values_list("job_id", flat=True)) == live
        owned = {job_id for job_id, one in self.known.items() if one.state in ACTIVE_STATES}
        assert set(QueueEntry.objects.filter(worker__isnull=False).values_list("job_id", flat=True)) == owned

    @invariant()
    def counters_are_those_of_the_states(self) -> None:
        states = Counter(Job.objects.values_list("runtemplate_id", "status"))
        for template_id, good, bad in RunTemplate.objects.values_list(
            "pk", "successfull_jobs_count", "failed_jobs_count"
        ):
            assert good == states[template_id, S.SUCCESS]
            assert bad == sum(states[template_id, state] for state in UNSUCCESSFUL_STATES)
        ended = sum(one.state.is_final and one.state != S.CANCELLED for one in self.known.values())
        assert sum(OutcomeRollup.objects.values_list("count", flat=True)) == ended

    @invariant()
    def locks_belong_to_the_job_that_runs(self) -> None:
        active = Job.objects.filter(status__in=ACTIVE_STATES)
        for one in RunTemplate.objects.all():
            jobs = set(active.filter(runtemplate=one).values_list("pk", flat=True))
            if one.running_job_id is not None:
                assert jobs >= {one.running_job_id}
            if one.is_serialised:
                assert len(jobs) <= 1
            if one.max_parallel:
                assert len(jobs) <= one.max_parallel

    @invariant()
    def each_change_has_its_history(self) -> None:
        rows = Counter(JobHistory.objects.values_list("job_id", flat=True))
        assert rows == {job_id: one.changes for job_id, one in self.known.items()}


def test_interleavings(ring):
    run_state_machine_as_test(
        Everybody,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_fresh_keeps_the_order(company, app):
    jobs = queue(unscheduled(company, app), after=NOON, number=3)
    assert [job.pk for job in fresh(reversed(jobs))] == [job.pk for job in reversed(jobs)]
