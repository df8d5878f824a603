"""What a cycle does with the jobs it holds, at moments that a running daemon passes within milliseconds."""

from __future__ import annotations

import pkgutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from multiflexi.jobs.spool import Spool
from multiflexi.models import (
    Company,
    FailureReason,
    Job,
    JobHistory,
    JobStatus,
    Overlap,
    QueueEntry,
    Worker,
    WorkerRole,
)
from multiflexi.runner import cycle as module
from multiflexi.runner import supply
from tests.crash.live import application, until
from tests.integration.jobs import builders
from tests.integration.runner.conftest import Make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


def queued(root: Path, company: Company, script: str, **more: Any) -> Job:
    template = builders.template(company, application(root, script), overlap=Overlap.ALLOW, **more)
    return builders.queue(template, after=timezone.now())[0]


def status(job: Job) -> str:
    return Job.objects.get(pk=job.pk).status


def has_exit(job: Job) -> bool:
    return bool(list(Path(settings.MULTIFLEXI_SPOOL).glob(f"one/job-{job.pk}-*/exit")))


def test_a_detach_finishes_what_has_ended(
    make: Make, acme: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 3600)
    short, long = queued(tmp_path, acme, "echo done"), queued(tmp_path, acme, "exec sleep 600")
    cycle = make(2)
    cycle.run_once()
    until(lambda: has_exit(short), "the end of the short job")
    until(lambda: cycle.run_once() is not None and len(list(cycle.watched())) == 1, "that its end is noticed")
    assert status(short) == JobStatus.RUNNING
    cycle.detach()
    assert (status(short), status(long)) == (JobStatus.SUCCESS, JobStatus.RUNNING)


def test_jobs_of_a_dead_one_shot_run_leave_our_own_claims_alone(
    make: Make, acme: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    monkeypatch.setattr(module, "BRISK_SECONDS", 3600)
    monkeypatch.setattr(supply, "KEEP_SECONDS", 3600)
    settings.MULTIFLEXI_HEARTBEAT_SECONDS = 0  # type: ignore[attr-defined]
    settings.MULTIFLEXI_LEASE_SECONDS = 0  # type: ignore[attr-defined]
    cycle = make(1)
    settings.MULTIFLEXI_LEASE_SECONDS = 60  # type: ignore[attr-defined]
    first = queued(tmp_path, acme, "exit 0")
    until(lambda: cycle.run_once() is not None and status(first) == JobStatus.SUCCESS, "the end of the first job")
    queued(tmp_path, acme, "exec sleep 600")
    ahead = queued(tmp_path, acme, "exec sleep 600")
    until(lambda: cycle.run_once() is not None and status(ahead) == JobStatus.QUEUED, "a claim in advance")
    host = socket.gethostname()
    dead = Worker.objects.create(role=WorkerRole.INLINE, name=f"{host}#1", host=host, boot_id="boot", places=1)
    Spool(tmp_path / "spool", dead.name).close()
    foreign = queued(tmp_path, acme, "exit 0")
    builders.claim(dead, only=foreign.pk)
    until(lambda: cycle.run_once() is not None and status(foreign) == JobStatus.PENDING, "the return of its job")
    assert status(ahead) == JobStatus.QUEUED
    assert not JobHistory.objects.filter(job=ahead, to_status=JobStatus.PENDING, from_status=JobStatus.QUEUED).exists()


def test_an_end_that_the_guard_has_begun_is_carried_on_when_the_database_is_back(
    make: Make, acme: Company, tmp_path: Path, settings: object
) -> None:
    settings.MULTIFLEXI_FENCE_SECONDS = 4  # type: ignore[attr-defined]
    settings.MULTIFLEXI_KILL_GRACE = 2  # type: ignore[attr-defined]
    cycle = make(1)
    deaf = queued(tmp_path, acme, "trap '' TERM; while :; do sleep 0.05; done", max_retries=1)
    until(lambda: cycle.run_once() is not None and status(deaf) == JobStatus.RUNNING, "the start of the job")
    cycle.fence.renewed(cycle.fence.now() - 3600, 1)
    note = Path(str(Job.objects.get(pk=deaf.pk).spool_path)) / "kill"
    until(lambda: cycle.fence.check() and note.exists(), "the request of the guard")
    cycle.beat_now()
    until(lambda: cycle.run_once() is not None and status(deaf) != JobStatus.RUNNING, "the end of the job")
    assert Job.objects.get(pk=deaf.pk).failure_reason == FailureReason.CUT_OFF


# What breaks for one job: the function, whether a call of it is about the job, what becomes of the job.
SABOTAGES: list[tuple[str, Callable[..., bool], JobStatus]] = [
    ("multiflexi.jobs.environment.assemble", lambda at, job, *_: job.pk == at, JobStatus.FAILED),
    ("multiflexi.runner.starting._values", lambda at, one, *_: one.job.pk == at, JobStatus.FAILED),
    ("multiflexi.executors.native.module.Native.poll", lambda at, _, handle: handle["job_id"] == at, JobStatus.RUNNING),
    ("multiflexi.jobs.output.LineFeed.read", lambda at, feed, **_: feed._job_id == at, JobStatus.SUCCESS),
    ("multiflexi.jobs.artifacts.build", lambda at, left: any(one.job.pk == at for one in left), JobStatus.SUCCESS),
]


@pytest.mark.parametrize(("function", "is_about", "end"), SABOTAGES, ids=[name for name, *_ in SABOTAGES])
def test_what_breaks_for_one_job_holds_no_other_up(
    make: Make,
    acme: Company,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    is_about: Callable[..., bool],
    end: JobStatus,
) -> None:
    before, bad, after = jobs = [queued(tmp_path, acme, "echo done") for _ in range(3)]
    sound = pkgutil.resolve_name(function)

    def broken(*args: Any, **options: Any) -> Any:
        if is_about(bad.pk, *args, **options):
            raise KeyError("broken")
        return sound(*args, **options)

    with monkeypatch.context() as context:
        context.setattr(function, broken)
        cycle = make(3)
        until(lambda: cycle.run_once() is not None and ends(before, after), "the end of the other jobs")
        assert [status(job) for job in jobs if job != bad] == [JobStatus.SUCCESS] * 2
        until(lambda: cycle.run_once() is not None and status(bad) == end, "what becomes of the broken one")
        if end == JobStatus.SUCCESS:
            assert "broken" in (Job.objects.get(pk=bad.pk).collect_error or "")


def test_a_refusal_that_cannot_be_stored_is_tried_again_later(
    make: Make, acme: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, other = queued(tmp_path, acme, "exit 0"), queued(tmp_path, acme, "exit 0")
    Job.objects.filter(pk=bad.pk).update(executor="Absent")
    QueueEntry.objects.filter(job=bad).update(executor="Native")
    monkeypatch.setattr("multiflexi.runner.giving_back.complete", lambda *_args, **_: 1 / 0)
    cycle = make(2)
    until(lambda: cycle.run_once() is not None and ends(other), "the end of the other job")
    assert status(bad) == JobStatus.PENDING
    assert QueueEntry.objects.get(job=bad).after > timezone.now() + timedelta(seconds=50)


def ends(*jobs: Job) -> bool:
    return all(JobStatus(status(job)).is_final for job in jobs)
