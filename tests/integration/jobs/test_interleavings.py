"""Random interleavings of everybody who changes jobs keep the invariants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings as platform
from django.db import transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from multiflexi.jobs import claiming, completion, lifecycle
from multiflexi.jobs.claiming import Release, lease_end
from multiflexi.jobs.lifecycle import Move, StaleJobs
from multiflexi.models import (
    ACTIVE_STATES,
    FINAL_STATES,
    LIVE_STATES,
    UNSUCCESSFUL_STATES,
    Company,
    Job,
    JobHistory,
    JobLimit,
    JobStatus,
    NamedLimit,
    NamedLimitUser,
    OutcomeRollup,
    QueueEntry,
    RunTemplate,
)
from multiflexi.runner import giving_back, reaping
from multiflexi.services import job as job_service
from multiflexi.services import job_stop
from multiflexi.services.errors import Refused
from tests.integration.jobs import builders
from tests.integration.jobs.builders import NOON, Clock, begin, claim, end, fresh, make_app, queue, unscheduled

S = JobStatus
EXAMPLES, TRIES = 35, 12
PICK = st.integers(0, 10_000)
WHO = st.integers(0, 1)
ENDS = {
    S.QUEUED: (S.BLOCKED, S.FAILED, S.CANCELLED),
    S.RUNNING: (S.LOST,),
    S.FINISHING: (S.SUCCESS, S.FAILED, S.TIMEOUT, S.TERMINATED),
    S.PENDING: (S.CANCELLED, S.FAILED),
}


HELD_AT_MOST = 3
LEASE, FENCE = platform.MULTIFLEXI_LEASE_SECONDS, platform.MULTIFLEXI_FENCE_SECONDS


@dataclass
class Known:
    """What the model believes about a job: its state, the token and lease of its owner, and how often it changed."""

    state: JobStatus
    claim: int = 0
    owner: int | None = None
    lease: datetime = NOON
    changes: int = 1


def remember(*states: JobStatus) -> Callable[[Everybody], bool]:
    """Whether an executor believes to own a job in one of these states."""
    return lambda everybody: any(job.status in states for one in everybody.memory for job in one.values())


def has(*states: JobStatus) -> Callable[[Everybody], bool]:
    return lambda everybody: any(one.state in states for one in everybody.known.values())


class Everybody(RuleBasedStateMachine):
    """Two executors with memories of their own, the reaper, people and the retry rule, against a line per job.

    An executor acts on what it remembers of a job. When somebody else has decided meanwhile, its write must change
    nothing; when nobody has, it must succeed.
    """

    clock: ClassVar[Clock]
    begun: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        Everybody.begun += 1
        self._frame = transaction.atomic()
        self._frame.__enter__()
        self.clock.set(NOON)
        app, company = make_app(), Company.objects.create(name="Model")
        bank = NamedLimit.objects.create(name="bank", company=company, maximum=HELD_AT_MOST)
        NamedLimitUser.objects.create(limit=bank, app=app)
        self.templates = [
            unscheduled(company, app, max_retries=1),
            unscheduled(company, app, overlap="allow", max_parallel=2),
            unscheduled(company, make_app(), overlap="allow", max_retries=2),
        ]
        self.workers = [builders.worker("one"), builders.worker("two")]
        self.memory: list[dict[int, Job]] = [{}, {}]
        self.actor = builders.robot()
        self.known: dict[int, Known] = {}
        for template in self.templates:
            self.asked_for(queue(template, after=NOON, number=2, actor=self.actor))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._frame.__exit__(None, None, None)

    # What the rules are made of

    def some(self, pick: int, *states: JobStatus) -> Job | None:
        ids = sorted(job_id for job_id, one in self.known.items() if one.state in states)
        return Job.objects.select_related("runtemplate").get(pk=ids[pick % len(ids)]) if ids else None

    def changed(self, job_id: int, state: JobStatus, *, taken_by: int | None = None) -> None:
        one = self.known[job_id]
        one.state, one.changes = state, one.changes + 1
        if taken_by is not None:
            one.claim, one.owner, one.lease = one.claim + 1, taken_by, lease_end(self.clock())
        if state not in ACTIVE_STATES:
            one.owner = None

    def asked_for(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.known[job.pk] = Known(S.PENDING)

    def remembered(self, pick: int, *states: JobStatus) -> tuple[int, Job]:
        """One of the jobs that an executor believes to be in these states, and who believes so."""
        found = [(who, job) for who in (0, 1) for _, job in sorted(self.memory[who].items()) if job.status in states]
        return found[pick % len(found)]

    def act(self, who: int, job: Job, target: JobStatus, action: Callable[[], Any]) -> None:
        """An executor acts on what it remembers; it works exactly when that is still true."""
        one = self.known[job.pk]
        is_true = (one.state, one.claim) == (job.status, job.claim)
        try:
            works = action() is not False
        except StaleJobs:
            works = False
        assert works == is_true, f"{job.status} to {target} with token {job.claim}, but it is {one}"
        if not works:
            del self.memory[who][job.pk]
            return
        self.changed(job.pk, target)
        self.retried([job.pk])
        self.memory[who].pop(job.pk)
        if target in ACTIVE_STATES:
            (self.memory[who][job.pk],) = fresh([job])

    def retried(self, ended: list[int]) -> None:
        """Take note of the retries that an end has made."""
        made = Job.objects.filter(retry_of__in=ended).exclude(pk__in=self.known)
        for retry in made:
            assert self.known[retry.retry_of_id].state in UNSUCCESSFUL_STATES
            assert retry.attempt <= retry.runtemplate.max_retries + 1
        self.asked_for(list(made))

    @initialize(places=st.integers(1, 4), steps=st.integers(0, 2))
    def in_the_middle(self, places: int, steps: int) -> None:
        """Begin with jobs that are on their way already."""
        for who in (0, 1):
            self.claim(who, places)
            for _ in range(steps):
                self.work(who, 1 + who, 0)

    # Executors

    @precondition(has(S.PENDING))
    @rule(who=WHO, places=st.integers(1, 4))
    def claim(self, who: int, places: int) -> None:
        for job in claim(self.workers[who], places, actor=self.actor):
            assert self.known[job.pk].state == S.PENDING
            self.changed(job.pk, S.QUEUED, taken_by=who)
            self.memory[who][job.pk] = job

    @precondition(remember(*ACTIVE_STATES))
    @rule(who=WHO, number=st.integers(1, 4), code=st.integers(0, 2))
    def work(self, who: int, number: int, code: int) -> None:
        """An executor takes some of its jobs one step further."""
        for _, job in sorted(self.memory[who].items())[:number]:
            if job.status == S.QUEUED:
                self.start(who, job)
            elif job.status == S.RUNNING:
                self.process_ends(who, job, code)
            else:
                self.finish(who, job, code)

    def start(self, who: int, job: Job) -> None:
        self.act(who, job, S.RUNNING, lambda: begin([job], self.clock()))

    def process_ends(self, who: int, job: Job, code: int) -> None:
        evidence = {"exit_code": code, "signal": None, "kill_note": None, "usage": None}
        values = {"staged_result": evidence | {"ended_at": self.clock().isoformat()}}
        ends = [Move(job.pk, job.claim, S.RUNNING, S.FINISHING, values)]
        self.act(who, job, S.FINISHING, lambda: lifecycle.move(ends, actor=self.actor))

    def finish(self, who: int, job: Job, way: int) -> None:
        source = JobStatus(job.status)
        target = ENDS[source][way % len(ENDS[source])]
        ends = [end(job, target, self.clock(), source=source)]
        self.act(who, job, target, lambda: completion.complete(ends, actor=self.actor))

    @precondition(remember(*ACTIVE_STATES))
    @rule(pick=PICK, way=PICK)
    def cut_short(self, pick: int, way: int) -> None:
        who, job = self.remembered(pick, *ACTIVE_STATES)
        self.finish(who, job, way)

    @precondition(remember(S.QUEUED))
    @rule(pick=PICK)
    def give_back(self, pick: int) -> None:
        who, job = self.remembered(pick, S.QUEUED)
        release = [Release(job.pk, job.claim)]
        self.act(who, job, S.PENDING, lambda: claiming.release(release, actor=self.actor))

    @precondition(remember(S.RUNNING))
    @rule(pick=PICK)
    def undo_start(self, pick: int) -> None:
        who, job = self.remembered(pick, S.RUNNING)
        self.act(who, job, S.PENDING, lambda: giving_back.undo_start(job, self.actor))

    @rule(pick=PICK, other=PICK, source=st.sampled_from(sorted(ENDS)))
    def finish_together(self, pick: int, other: int, source: JobStatus) -> None:
        """One or two at once, as the executor's batches do, with tokens that are true."""
        jobs = {job.pk: job for job in (self.some(pick, source), self.some(other, source)) if job}
        targets = {job_id: ENDS[source][(pick + job_id) % len(ENDS[source])] for job_id in jobs}
        batch = [end(job, targets[job_id], self.clock(), source=source) for job_id, job in jobs.items()]
        completion.complete(batch, actor=self.actor)
        for job_id, target in targets.items():
            self.changed(job_id, target)
        self.retried(list(jobs))

    @precondition(has(*ACTIVE_STATES))
    @rule(who=WHO)
    def renew(self, who: int) -> None:
        held = [one for one in self.known.values() if one.owner == who]
        assert claiming.renew_leases(self.workers[who], list(self.known)) == len(held)
        for one in held:
            one.lease = lease_end(self.clock())

    @precondition(has(*ACTIVE_STATES))
    @rule(who=WHO)
    def restart(self, who: int) -> None:
        """A new process of the same name gives back what was not started, and adopts the rest."""
        self.memory[who] = {}
        for job in Job.objects.filter(worker=self.workers[who], status__in=ACTIVE_STATES):
            state = JobStatus(job.status)
            if state == S.QUEUED:
                claiming.release([Release(job.pk, job.claim)], actor=self.actor)
                self.changed(job.pk, S.PENDING)
                continue
            lifecycle.move([Move(job.pk, job.claim, state, state, takes_over=True)], actor=self.actor)
            self.changed(job.pk, state, taken_by=who)
            (self.memory[who][job.pk],) = fresh([job])
        self.renew(who)

    # The reaper

    @precondition(has(*ACTIVE_STATES))
    @rule(who=WHO, seconds=st.sampled_from([5, LEASE + 1, LEASE + FENCE + 1]))
    def reap(self, who: int, seconds: int) -> None:
        """Time passes in which nobody renews a lease, then one executor looks after the jobs of the other one."""
        self.clock.forward(seconds=seconds)
        now = self.clock()
        fence = now - timedelta(seconds=FENCE)
        expected = {}
        for job_id, one in self.known.items():
            if one.owner in (None, who):
                continue
            if one.state == S.QUEUED and one.lease < now:
                expected[job_id] = S.PENDING
            elif one.state == S.RUNNING and one.lease < fence:
                expected[job_id] = S.LOST
            elif one.state == S.FINISHING and one.lease < fence:
                code = Job.objects.values_list("staged_result__exit_code", flat=True).get(pk=job_id)
                expected[job_id] = S.FAILED if code else S.SUCCESS
        watched = [job_id for job_id, one in self.known.items() if one.owner == who]
        assert reaping.reap(self.actor, watched=watched) == len(expected)
        for job_id, state in expected.items():
            self.changed(job_id, state)
        self.retried(list(expected))

    # People

    @rule(pick=PICK, number=st.integers(1, 6))
    def ask(self, pick: int, number: int) -> None:
        self.asked_for(queue(self.templates[pick % 3], after=self.clock(), number=number, actor=self.actor))

    @rule(pick=PICK, stops=st.booleans())
    def withdraw(self, pick: int, stops: bool) -> None:
        """Cancel or stop any job; what has ended is refused, what runs is only asked to end."""
        job = self.some(pick, *S)
        if job is None:
            return
        state = JobStatus(job.status)
        try:
            job_stop.request_stop(self.actor, job) if stops else job_stop.cancel(self.actor, job)
        except Refused:
            assert state.is_final or (not stops and state in (S.RUNNING, S.FINISHING))
            return
        if state in job_stop.NOT_BEGUN:
            self.changed(job.pk, S.CANCELLED)
        elif stops:
            self.changed(job.pk, state)
        else:
            assert state == S.CANCELLED

    @precondition(has(*FINAL_STATES))
    @rule(pick=PICK)
    def repeat(self, pick: int) -> None:
        job = self.some(pick, *S)
        if job is None:
            return
        try:
            self.asked_for([job_service.retry(self.actor, job)])
        except Refused:
            assert job.status in LIVE_STATES
            return
        assert JobStatus(job.status).is_final

    @rule(pick=PICK)
    def change_policy(self, pick: int) -> None:
        one = self.templates[0]
        running = QueueEntry.objects.filter(runtemplate=one, worker__isnull=False).count()
        if running <= 1:
            RunTemplate.objects.filter(pk=one.pk).update(overlap="allow" if pick % 2 and not running else "queue-one")

    # Whoever is wrong

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

    @precondition(has(*FINAL_STATES))
    @rule(pick=PICK)
    def ended_job_is_ended_again(self, pick: int) -> None:
        job = self.some(pick, *FINAL_STATES)
        try:
            completion.complete([end(job, S.SUCCESS, NOON, source=S.FINISHING)], actor=self.actor)
        except StaleJobs:
            return
        raise AssertionError("an ended job ended again")

    # What always holds

    @invariant()
    def states_and_tokens_are_as_known(self) -> None:
        rows = {pk: (status, token) for pk, status, token in Job.objects.values_list("pk", "status", "claim")}
        assert rows == {job_id: (one.state, one.claim) for job_id, one in self.known.items()}

    @invariant()
    def each_live_job_has_one_queue_row(self) -> None:
        live = sorted(job_id for job_id, one in self.known.items() if one.state in LIVE_STATES)
        assert sorted(QueueEntry.objects.values_list("job_id", flat=True)) == live
        owned = {
            (job_id, self.workers[one.owner].pk, one.lease)
            for job_id, one in self.known.items()
            if one.owner is not None
        }
        rows = QueueEntry.objects.filter(worker__isnull=False)
        assert set(rows.values_list("job_id", "worker_id", "lease_until")) == owned

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
    def places_in_limits_are_held_by_jobs_that_may_run(self) -> None:
        holders = set(JobLimit.objects.values_list("job_id", flat=True))
        limited = RunTemplate.objects.filter(app__named_limits__isnull=False)
        entitled = Job.objects.filter(runtemplate__in=limited, status__in=ACTIVE_STATES)
        assert holders == set(entitled.values_list("pk", flat=True))
        assert len(holders) <= HELD_AT_MOST

    @invariant()
    def each_change_has_its_history(self) -> None:
        rows = Counter(JobHistory.objects.values_list("job_id", flat=True))
        assert rows == {job_id: one.changes for job_id, one in self.known.items()}


def test_interleavings(ring, clock):
    Everybody.clock, Everybody.begun = clock, 0
    for number in range(TRIES):
        # Hypothesis gives up when the same steps were answered in another way, as a busy server does; that breaks no
        # invariant, and other steps go on.
        with suppress(FlakyStrategyDefinition):
            interleave(number)
        if Everybody.begun >= EXAMPLES:
            return
    raise AssertionError(f"{Everybody.begun} of {EXAMPLES} interleavings in {TRIES} tries")


def interleave(number: int) -> None:
    run_state_machine_as_test(
        seed(number)(Everybody),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            # A failure is told as it was found: making it short takes minutes.
            phases=[Phase.generate],
        ),
    )


def test_fresh_keeps_the_order(company, app):
    jobs = queue(unscheduled(company, app), after=NOON, number=3)
    assert [job.pk for job in fresh(reversed(jobs))] == [job.pk for job in reversed(jobs)]
