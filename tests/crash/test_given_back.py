"""Two executors on one host share the job directories: who gives a job back must not touch what the next one made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from multiflexi.jobs import claiming, workers
from multiflexi.jobs.create import create_job
from multiflexi.jobs.environment import job_directory
from multiflexi.jobs.lifecycle import Move, move
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


def lose(job: Job, actor: Actor) -> None:
    """The reaper gives the job to somebody else."""
    release = claiming.Release(job.pk, job.claim)
    claiming.release([release], actor=actor)
    move([Move(job.pk, job.claim, JobStatus.PENDING, JobStatus.QUEUED, takes_over=True)], actor=actor)


def test_a_job_that_was_taken_back_before_its_start_keeps_the_new_owners_files(
    claimed: Job, spool: Spool, worker: Worker
) -> None:
    actor = workers.actor_of(worker)
    ready, refused = preflight.prepare([claimed], spool)
    assert refused == []
    lose(claimed, actor)
    theirs = Path(job_directory(claimed), "theirs")
    theirs.touch()
    assert starting.start(ready, spool, actor) == []
    assert theirs.exists()
    assert list(spool.existing()) == []


def test_giving_back_what_was_lost_touches_nothing(claimed: Job, spool: Spool, worker: Worker) -> None:
    actor = workers.actor_of(worker)
    preflight.prepare([claimed], spool)
    lose(claimed, actor)
    theirs = Path(job_directory(claimed), "theirs")
    theirs.touch()
    assert not giving_back.give_back(claimed, spool, actor)
    assert theirs.exists()


def test_the_directories_are_gone_before_anybody_else_can_claim(
    shared_db: None, claimed: Job, spool: Spool, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen by what a removal finds: the release is not committed yet, so its transaction is still open."""
    seen: list[bool] = []
    actor = workers.actor_of(worker)
    preflight.prepare([claimed], spool)
    remove = giving_back.shutil.rmtree
    monkeypatch.setattr(
        giving_back.shutil, "rmtree", lambda *a, **k: (seen.append(connection.in_atomic_block), remove(*a, **k))
    )
    assert giving_back.give_back(claimed, spool, actor)
    assert seen == [True]
    assert not Path(job_directory(claimed)).exists()
    assert list(spool.existing()) == []
    assert Job.objects.get(pk=claimed.pk).status == JobStatus.PENDING
