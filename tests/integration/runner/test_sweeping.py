"""Which directories are removed, which stay, and for how long."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from multiflexi.jobs import directories
from multiflexi.jobs.lifecycle import Move, move
from multiflexi.jobs.spool import Spool, SpoolDir
from multiflexi.models import Company, Job, JobStatus, RunTemplate, Worker
from multiflexi.runner import sweeping
from tests.integration.jobs import builders

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


@pytest.fixture
def spool(tmp_path: Path, settings: object) -> Iterator[Spool]:
    settings.MULTIFLEXI_TMP = tmp_path / "tmp"  # type: ignore[attr-defined]
    with Spool(tmp_path / "spool", "one") as held:
        yield held


@pytest.fixture
def owner() -> Worker:
    return builders.worker()


@pytest.fixture
def template(acme: Company) -> RunTemplate:
    return builders.template(acme, builders.make_app())


def made(job: Job, claim: int, spool: Spool) -> SpoolDir:
    """Both directories of one claim."""
    job_dir = Path(settings.MULTIFLEXI_TMP) / f"job-{job.pk}-{claim}"
    directories.make_fresh(job_dir)
    (job_dir / "file").touch()
    return spool.create(job.pk, claim, spec={"job_dir": str(job_dir)})


def started(template: RunTemplate, owner: Worker, spool: Spool) -> tuple[Job, SpoolDir]:
    """A running job with a start mark."""
    builders.queue(template, after=timezone.now())
    (job,) = builders.claim(owner)
    directory = made(job, job.claim, spool)
    directory.start.write_text("12345\n")
    (job,) = builders.begin([job], timezone.now())
    Job.objects.filter(pk=job.pk).update(spool_path=str(directory.path))
    job.refresh_from_db()
    return job, directory


def end(job: Job, target: JobStatus) -> None:
    if target == JobStatus.LOST:
        builders.finish(job, target, timezone.now())
    else:
        builders.finish(builders.stage([job])[0], target, timezone.now())


def sweep(spool: Spool, known: Collection[int] = ()) -> None:
    sweeping.sweep(spool, known, builders.robot())


def left(spool: Spool) -> list[str]:
    """Names of the spool and job directories that are left."""
    found = Path(settings.MULTIFLEXI_TMP).glob("job-*")
    return sorted([one.path.name for one in spool.existing()] + [path.name for path in found])


@pytest.mark.parametrize("target", [JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.TIMEOUT])
def test_directories_of_ended_jobs_go(template: RunTemplate, owner: Worker, spool: Spool, target: JobStatus) -> None:
    job, _ = started(template, owner, spool)
    sweep(spool)
    assert len(left(spool)) == 2
    end(job, target)
    sweep(spool, {job.pk})
    assert len(left(spool)) == 2
    sweep(spool)
    assert left(spool) == []


def test_an_adopted_job_keeps_the_directories_of_its_start(template: RunTemplate, owner: Worker, spool: Spool) -> None:
    job, _ = started(template, owner, spool)
    move(
        [Move(job.pk, job.claim, JobStatus.RUNNING, JobStatus.RUNNING, takes_over=True, reason="adopted")],
        actor=builders.robot(),
    )
    sweep(spool)
    assert len(left(spool)) == 2


def test_an_outdated_claim_goes_while_the_job_runs_elsewhere(
    template: RunTemplate, owner: Worker, spool: Spool
) -> None:
    (job,) = builders.queue(template, after=timezone.now())
    made(job, 1, spool)
    other = builders.worker("two")
    builders.release(builders.claim(other))
    sweep(spool, {job.pk})
    assert len(left(spool)) == 2
    (job,) = builders.begin(builders.claim(other), timezone.now())
    sweep(spool)
    assert left(spool) == []


def test_a_start_that_no_job_knows_of_stays_as_evidence(template: RunTemplate, owner: Worker, spool: Spool) -> None:
    job, _ = started(template, owner, spool)
    Job.objects.filter(pk=job.pk).update(spool_path=None)
    end(job, JobStatus.FAILED)
    foreign = spool.create(job.pk + 1000, 1)
    sweep(spool)
    assert len(left(spool)) == 3
    assert foreign.path.exists()


def test_the_directory_of_a_failed_job_stays_for_the_time_wanted(
    template: RunTemplate, owner: Worker, spool: Spool, settings: object
) -> None:
    settings.MULTIFLEXI_KEEP_FAILED_DIRS = 2.0  # type: ignore[attr-defined]
    for target in (JobStatus.SUCCESS, JobStatus.FAILED):
        job, directory = started(template, owner, spool)
        job_dir = directory.job_dir()
        assert job_dir is not None
        (job_dir / "inputs").mkdir()
        (job_dir / "inputs" / "key").touch()
        end(job, target)
    sweep(spool)
    kept = Path(settings.MULTIFLEXI_TMP) / f"job-{job.pk}-1"  # type: ignore[attr-defined]
    assert left(spool) == [kept.name, f"{kept.name}.kept"]
    assert [path.name for path in kept.iterdir()] == ["file"]
    nearly = time.time() - 2 * 3600 + 60
    os.utime(f"{kept}.kept", (nearly, nearly))
    sweep(spool)
    assert kept.exists()
    os.utime(f"{kept}.kept", (nearly - 120, nearly - 120))
    sweep(spool)
    assert left(spool) == []


def test_a_directory_that_cannot_be_removed_holds_nobody_up(
    template: RunTemplate, owner: Worker, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, _ = started(template, owner, spool)
    end(stuck, JobStatus.SUCCESS)
    other, _ = started(template, owner, spool)
    end(other, JobStatus.SUCCESS)
    remove = SpoolDir.remove

    def refused(one: SpoolDir) -> None:
        if one.job_id == stuck.pk:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        remove(one)

    monkeypatch.setattr(SpoolDir, "remove", refused)
    sweep(spool)
    assert [name.split("-")[1] for name in left(spool)] == [str(stuck.pk)]
