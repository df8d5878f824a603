"""Two executors on one host share the job directories: who gives a job back must not touch what the next one made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from multiflexi.jobs import claiming, directories, workers
from multiflexi.jobs.create import create_job
from multiflexi.jobs.directories import job_directory
from multiflexi.jobs.spool import Spool
from multiflexi.models import Company, Job, JobStatus, User, Worker, WorkerRole
from multiflexi.record.actor import Actor
from multiflexi.runner import giving_back, preflight, starting
from tests.crash.live import application


@pytest.fixture
def spool(tmp_path: Path, settings: object) -> Iterator[Spool]:
    settings.MULTIFLEXI_TMP = tmp_path / "tmp"  # type: ignore[attr-defined]
    with Spool(tmp_path / "spool", "one") as held:
        yield held


@pytest.fixture
def worker(ring: None) -> Worker:
    return workers.register(WorkerRole.EXECUTOR, "one", boot_id="boot", pid_started=1)


@pytest.fixture
def claimed(acme: Company, alice: User, worker: Worker, tmp_path: Path) -> Job:
    app = application(tmp_path, "exit 0")
    template = app.runtemplates.create(company=acme, name="quick")
    create_job(template, actor=Actor(user_id=alice.pk))
    (job,) = claiming.claim(worker, places=1, modules=["Native"], actor=workers.actor_of(worker))
    return job


@pytest.fixture
def others(tmp_path: Path, spool: Spool) -> Iterator[Spool]:
    """The spool of another executor, which uses the same directory for its jobs."""
    with Spool(tmp_path / "spool", "two") as held:
        yield held


def lose(job: Job, others: Spool) -> Path:
    """The reaper gives the job to somebody else, who prepares it; returns a file of that owner."""
    other = workers.register(WorkerRole.EXECUTOR, "two", boot_id="boot", pid_started=2)
    actor = workers.actor_of(other)
    claiming.release([claiming.Release(job.pk, job.claim)], actor=actor)
    (theirs,) = claiming.claim(other, places=1, modules=["Native"], actor=actor)
    assert (theirs.pk, theirs.claim) == (job.pk, 2)
    ((prepared,), refused) = preflight.prepare([theirs], others)
    assert refused == []
    file = prepared.job_dir / "theirs"
    file.touch()
    return file


def test_an_owner_that_was_paused_before_its_preparation_keeps_away_from_the_next_one(
    claimed: Job, spool: Spool, others: Spool, worker: Worker
) -> None:
    actor = workers.actor_of(worker)
    theirs = lose(claimed, others)
    ready, refused = preflight.prepare([claimed], spool)
    assert refused == []
    assert theirs.exists()
    assert starting.start(ready, spool, actor) == []
    assert theirs.exists()
    assert not Path(job_directory(claimed)).exists()
    assert list(spool.existing()) == []


def test_a_job_that_was_taken_back_before_its_start_keeps_the_new_owners_files(
    claimed: Job, spool: Spool, others: Spool, worker: Worker
) -> None:
    actor = workers.actor_of(worker)
    ready, refused = preflight.prepare([claimed], spool)
    assert refused == []
    theirs = lose(claimed, others)
    assert starting.start(ready, spool, actor) == []
    assert theirs.exists()
    assert not ready[0].job_dir.exists()
    assert list(spool.existing()) == []


def test_giving_back_what_was_lost_touches_nothing_of_the_next_owner(
    claimed: Job, spool: Spool, others: Spool, worker: Worker
) -> None:
    actor = workers.actor_of(worker)
    preflight.prepare([claimed], spool)
    theirs = lose(claimed, others)
    assert not giving_back.give_back(claimed, spool, actor)
    assert theirs.exists()
    assert not Path(job_directory(claimed)).exists()
    assert list(spool.existing()) == []


def test_the_next_claim_of_the_same_owner_clears_the_earlier_one_away(
    claimed: Job, spool: Spool, worker: Worker
) -> None:
    actor = workers.actor_of(worker)
    ((before,), _) = preflight.prepare([claimed], spool)
    claiming.release([claiming.Release(claimed.pk, claimed.claim)], actor=actor)
    again = claiming.claim(worker, places=1, modules=["Native"], actor=actor)
    ((after,), _) = preflight.prepare(again, spool)
    assert not before.job_dir.exists()
    assert after.job_dir.exists()
    assert [one.claim for one in spool.existing()] == [2]


def test_the_directories_are_gone_before_anybody_else_can_claim(
    shared_db: None, claimed: Job, spool: Spool, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen by what a removal finds: the release is not committed yet, so its transaction is still open."""
    seen: list[bool] = []
    actor = workers.actor_of(worker)
    preflight.prepare([claimed], spool)
    remove = directories.remove
    monkeypatch.setattr(
        directories, "remove", lambda job_dir: (seen.append(connection.in_atomic_block), remove(job_dir))
    )
    assert giving_back.give_back(claimed, spool, actor)
    assert seen == [True]
    assert not Path(job_directory(claimed)).exists()
    assert list(spool.existing()) == []
    assert Job.objects.get(pk=claimed.pk).status == JobStatus.PENDING
