"""The transition table: what is not in it is refused, what is in it leaves one row of history."""

from __future__ import annotations

import itertools

import pytest

from multiflexi.jobs.lifecycle import TRANSITIONS, ForbiddenTransition, Move, StaleJobs, move
from multiflexi.models import FINAL_STATES, Job, JobHistory, JobStatus, QueueEntry
from multiflexi.record.actor import Actor
from tests.integration.jobs.builders import NOON, queue, unscheduled

S = JobStatus
ALLOWED = {
    S.PENDING: {S.QUEUED, S.CANCELLED, S.FAILED},
    S.QUEUED: {S.PENDING, S.BLOCKED, S.FAILED, S.CANCELLED, S.RUNNING},
    S.RUNNING: {S.PENDING, S.RUNNING, S.FINISHING, S.LOST},
    S.FINISHING: {S.FINISHING, S.SUCCESS, S.FAILED, S.TIMEOUT, S.TERMINATED},
}
PAIRS = list(itertools.product(S, S))
GOOD = [(source, target) for source, target in PAIRS if target in ALLOWED.get(source, set())]
BAD = [pair for pair in PAIRS if pair not in GOOD]


@pytest.fixture
def job(company, app) -> Job:
    [job] = queue(unscheduled(company, app), after=NOON)
    return job


def put(job: Job, state: JobStatus) -> None:
    Job.objects.filter(pk=job.pk).update(status=state, claim=3, end=NOON if state.is_final else None)


def test_the_table_is_complete():
    assert set(GOOD) == TRANSITIONS
    assert not [source for source, _ in GOOD if source in FINAL_STATES]


@pytest.mark.parametrize(("source", "target"), GOOD)
def test_allowed_change_writes_one_row_of_history(source, target, job, robot):
    put(job, source)
    values = {"end": NOON} if target.is_final else {}
    move([Move(job.pk, 3, source, target, values, reason="why", detail="so")], actor=robot, at=NOON)
    job.refresh_from_db()
    assert (job.status, job.claim) == (target, 3)
    row = JobHistory.objects.get(from_status__isnull=False)
    assert (row.job_id, row.from_status, row.to_status, row.claim) == (job.pk, source, target, 3)
    assert (row.at, row.actor, row.reason, row.detail) == (NOON, robot.label, "why", "so")


@pytest.mark.parametrize(("source", "target"), BAD)
def test_other_changes_are_refused(source, target, job, robot):
    put(job, source)
    with pytest.raises(ForbiddenTransition, match=f"{source} does not lead to {target}"):
        move([Move(job.pk, 3, source, target, {"end": NOON})], actor=robot)
    job.refresh_from_db()
    assert (job.status, job.claim) == (source, 3)
    assert not JobHistory.objects.filter(from_status__isnull=False).exists()


@pytest.mark.parametrize("state", FINAL_STATES)
def test_an_ended_job_does_not_change_for_somebody_who_believes_it_lives(state, job, robot):
    put(job, state)
    for source, target in GOOD:
        with pytest.raises(StaleJobs):
            move([Move(job.pk, 3, source, target, {"end": NOON})], actor=robot)
    job.refresh_from_db()
    assert job.status == state


def test_a_change_of_owner_counts_the_token_up(job, robot):
    put(job, S.RUNNING)
    move([Move(job.pk, 3, S.RUNNING, S.RUNNING, takes_over=True)], actor=robot)
    job.refresh_from_db()
    assert job.claim == 4
    assert JobHistory.objects.latest("pk").claim == 4


def test_the_same_write_again_is_noticed(job, robot):
    """A database that counts changed rows only would not tell the first write from the second."""
    put(job, S.RUNNING)
    adoption = Move(job.pk, 3, S.RUNNING, S.RUNNING)
    move([adoption], actor=robot)
    move([adoption], actor=robot)  # Nothing differs, and still the row was matched.
    assert JobHistory.objects.filter(from_status=S.RUNNING).count() == 2


def test_a_forbidden_change_in_a_batch_stops_all(company, app, robot):
    one, two = queue(unscheduled(company, app), after=NOON, number=2)
    with pytest.raises(ForbiddenTransition):
        move([Move(one.pk, 0, S.PENDING, S.QUEUED), Move(two.pk, 0, S.PENDING, S.RUNNING)], actor=robot)
    assert set(Job.objects.values_list("status", flat=True)) == {S.PENDING}


def test_changes_of_different_kinds_stand_or_fall_together(company, app, robot):
    one, two, three = queue(unscheduled(company, app), after=NOON, number=3)
    moves = [
        Move(one.pk, 0, S.PENDING, S.QUEUED, {"queued_at": NOON}, takes_over=True),
        Move(two.pk, 0, S.PENDING, S.CANCELLED, {"end": NOON}),
        Move(three.pk, 9, S.PENDING, S.QUEUED, {"queued_at": NOON}, takes_over=True),
    ]
    with pytest.raises(StaleJobs):
        move(moves, actor=robot)
    assert set(Job.objects.values_list("status", "claim")) == {(S.PENDING, 0)}
    assert JobHistory.objects.count() == 3
    move(moves[:2], actor=robot)
    assert sorted(Job.objects.values_list("status", flat=True)) == ["cancelled", "pending", "queued"]


def test_the_same_job_twice_in_a_batch_is_stale(job, robot):
    with pytest.raises(StaleJobs):
        move([Move(job.pk, 0, S.PENDING, S.QUEUED, takes_over=True)] * 2, actor=robot)


def test_instants_keep_their_microseconds(job, robot):
    exact = NOON.replace(microsecond=123456)
    move([Move(job.pk, 0, S.PENDING, S.QUEUED, {"queued_at": exact})], actor=robot, at=exact)
    job.refresh_from_db()
    assert job.queued_at == JobHistory.objects.latest("pk").at == exact


def test_the_most_specific_actor_is_named(job, robot):
    move([Move(job.pk, 0, S.PENDING, S.QUEUED)], actor=Actor(robot.user_id, worker_id=7))
    assert JobHistory.objects.latest("pk").actor == "worker:7"


def test_moving_alone_touches_no_queue_row(job, robot):
    move([Move(job.pk, 0, S.PENDING, S.QUEUED)], actor=robot)
    assert QueueEntry.objects.get().worker_id is None
