"""Jobs of an owner that has disappeared: given back, lost or completed, and never before the time has come."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from multiflexi.jobs import claiming, workers
from multiflexi.jobs.spool import Spool
from multiflexi.models import Company, Job, JobStatus, Overlap, QueueEntry, RunTemplate, Worker, WorkerRole, WorkerState
from multiflexi.runner import adopting, late, reaping
from tests.integration.jobs import builders

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]


@pytest.fixture
def silent(acme: Company) -> Worker:
    """An executor that is heard of no more."""
    return builders.worker("silent")


@pytest.fixture
def template(acme: Company) -> RunTemplate:
    return builders.template(acme, builders.make_app())


def claimed(template: RunTemplate, owner: Worker) -> Job:
    builders.queue(template, after=timezone.now() - timedelta(seconds=1))
    return builders.claim(owner)[0]


def lapse(job: Job, **ago: float) -> None:
    """The lease of the job ended so long ago."""
    QueueEntry.objects.filter(job=job).update(lease_until=timezone.now() - timedelta(**ago))


def reap() -> int:
    return reaping.reap(builders.robot(), watched=[])


def state_of(job: Job) -> str:
    return Job.objects.get(pk=job.pk).status


def test_a_claimed_job_goes_back_as_soon_as_its_lease_has_run_out(template: RunTemplate, silent: Worker) -> None:
    job = claimed(template, silent)
    assert reap() == 0
    lapse(job, seconds=1)
    assert reap() == 1
    assert state_of(job) == JobStatus.PENDING
    assert QueueEntry.objects.get(job=job).worker_id is None
    assert RunTemplate.objects.get(pk=template.pk).running_job_id is None


def test_a_running_job_is_lost_behind_the_fence_and_not_before(template: RunTemplate, silent: Worker) -> None:
    (job,) = builders.begin([claimed(template, silent)], timezone.now())
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS - 5)
    assert reap() == 0
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS + 5)
    assert reap() == 1
    lost = Job.objects.get(pk=job.pk)
    assert (lost.status, lost.exitcode, lost.reason_detail) == (JobStatus.LOST, -1, reaping.OWNER_SILENT)
    assert lost.collect_error
    assert RunTemplate.objects.get(pk=template.pk).running_job_id is None
    assert not QueueEntry.objects.filter(job=job).exists()


def test_a_proven_outcome_is_kept_without_its_artifacts(template: RunTemplate, silent: Worker) -> None:
    (job,) = builders.stage(builders.begin([claimed(template, silent)], timezone.now()))
    evidence = {"exit_code": 3, "signal": None, "ended_at": datetime.now(UTC).isoformat(), "kill_note": None}
    Job.objects.filter(pk=job.pk).update(staged_result=evidence | {"usage": None})
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS + 5)
    assert reap() == 1
    ended = Job.objects.get(pk=job.pk)
    assert (ended.status, ended.exitcode) == (JobStatus.FAILED, 3)
    assert ended.collect_error == late.NOT_COLLECTED


@pytest.mark.parametrize("started", [False, True])
def test_an_owner_that_renews_at_the_last_moment_keeps_its_job(
    template: RunTemplate, silent: Worker, started: bool
) -> None:
    """Between the look at the lease and the decision, where a slow reaper may stand for any time."""
    job = claimed(template, silent)
    if started:
        (job,) = builders.begin([job], timezone.now())
    lapse(job, days=1)
    renewals = iter([claiming.renew_leases])

    def renew_behind_the_look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if "lease_until" in sql and sql.startswith("SELECT"):
            for renew in renewals:
                renew(silent, [job.pk])
        return found

    with connection.execute_wrapper(renew_behind_the_look):
        assert reap() == 0
    assert next(renewals, None) is None
    assert state_of(job) == (JobStatus.RUNNING if started else JobStatus.QUEUED)


def test_jobs_that_wait_for_the_fence_hide_no_other(
    acme: Company, template: RunTemplate, silent: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaping, "AT_ONCE", 1)
    running = claimed(template, silent)
    builders.begin([running], timezone.now())
    lapse(running, seconds=settings.MULTIFLEXI_FENCE_SECONDS - 5)
    queued = claimed(builders.template(acme, template.app), silent)
    lapse(queued, seconds=1)
    assert reap() == 1
    assert (state_of(running), state_of(queued)) == (JobStatus.RUNNING, JobStatus.PENDING)


def test_nobody_reaps_what_it_watches(template: RunTemplate, silent: Worker) -> None:
    job = claimed(template, silent)
    lapse(job, days=1)
    assert reaping.reap(builders.robot(), watched=[job.pk]) == 0
    assert state_of(job) == JobStatus.QUEUED


def test_an_owner_that_comes_back_changes_nothing_any_more(acme: Company, silent: Worker) -> None:
    template = builders.template(acme, builders.make_app(), overlap=Overlap.ALLOW)
    (job,) = builders.begin([claimed(template, silent)], timezone.now())
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS + 5)
    reap()
    with pytest.raises(Exception, match="changed meanwhile"):
        builders.stage([job])
    assert state_of(job) == JobStatus.LOST


@pytest.mark.parametrize("is_here", [True, False])
def test_a_one_shot_run_is_taken_for_dead_only_by_its_own_spool(
    template: RunTemplate, tmp_path: Path, settings: Any, is_here: bool
) -> None:
    """A run with a spool elsewhere may live although nobody holds a lock of its name here."""
    settings.MULTIFLEXI_SPOOL = tmp_path
    host = socket.gethostname()
    one_shot = Worker.objects.create(role=WorkerRole.INLINE, name=f"{host}#1", host=host, boot_id="boot", places=1)
    job = claimed(template, one_shot)
    if is_here:
        Spool(tmp_path, one_shot.name).close()
    reaper = builders.worker("reaper")
    assert reaping.take_over_one_shots(reaper) == is_here
    assert Job.objects.get(pk=job.pk).worker_id == (reaper.pk if is_here else one_shot.pk)


def test_a_started_job_of_another_host_is_left_to_it(
    template: RunTemplate, silent: Worker, tmp_path: Path, ring: None
) -> None:
    """An instance of its name here has no evidence: to take the job for lost would let its retry run beside it."""
    (job,) = builders.begin([claimed(template, silent)], timezone.now())
    Job.objects.filter(pk=job.pk).update(host="elsewhere", spool_path=str(tmp_path / "absent"))
    lapse(job, seconds=5)
    before = QueueEntry.objects.get(job=job).lease_until
    with Spool(tmp_path, silent.name) as spool:
        assert adopting.adopt(silent, spool, builders.robot()) == []
    assert (state_of(job), Job.objects.get(pk=job.pk).claim) == (JobStatus.RUNNING, job.claim)
    assert QueueEntry.objects.get(job=job).lease_until == before
    assert reap() == 0
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS + 5)
    assert reap() == 1
    assert state_of(job) == JobStatus.LOST


@pytest.mark.parametrize(
    ("host", "state", "seen_ago", "refused"),
    [
        ("elsewhere", WorkerState.RUNNING, 5, True),
        ("elsewhere", WorkerState.DRAINING, 5, True),
        ("elsewhere", WorkerState.RUNNING, settings.MULTIFLEXI_LEASE_SECONDS + 5, False),
        ("elsewhere", WorkerState.DETACHED, 5, False),
        ("elsewhere", WorkerState.STOPPED, 5, False),
        (socket.gethostname(), WorkerState.RUNNING, 5, False),
    ],
)
def test_a_name_belongs_to_one_living_instance(
    db: None, host: str, state: WorkerState, seen_ago: int, refused: bool
) -> None:
    seen = timezone.now() - timedelta(seconds=seen_ago)
    Worker.objects.create(role="executor", name="one", host=host, boot_id="b", state=state, last_seen_at=seen)
    if not refused:
        assert workers.register("executor", "one", boot_id="c", pid_started=1).boot_id == "c"
        return
    with pytest.raises(workers.NameInUse, match=r"in use on host elsewhere.*MULTIFLEXI_EXECUTOR_NAME"):
        workers.register("executor", "one", boot_id="c", pid_started=1)
    assert Worker.objects.get().boot_id == "b"
