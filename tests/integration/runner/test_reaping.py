"""Jobs of an owner that has disappeared: given back, lost or completed, and never before the time has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from multiflexi.models import Company, Job, JobStatus, Overlap, QueueEntry, RunTemplate, Worker
from multiflexi.runner import reaping
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
    return reaping.reap(builders.worker("reaper"), builders.robot())


def state_of(job: Job) -> str:
    return Job.objects.get(pk=job.pk).status


def test_a_claimed_job_goes_back_as_soon_as_its_lease_has_run_out(template: RunTemplate, silent: Worker) -> None:
    job = claimed(template, silent)
    assert reap() == 0
    lapse(job, seconds=1)
    Worker.objects.filter(name="reaper").delete()
    assert reap() == 1
    assert state_of(job) == JobStatus.PENDING
    assert QueueEntry.objects.get(job=job).worker_id is None
    assert RunTemplate.objects.get(pk=template.pk).running_job_id is None


def test_a_running_job_is_lost_behind_the_fence_and_not_before(template: RunTemplate, silent: Worker) -> None:
    (job,) = builders.begin([claimed(template, silent)], timezone.now())
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS - 5)
    assert reap() == 0
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS + 5)
    Worker.objects.filter(name="reaper").delete()
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
    assert ended.collect_error == reaping.NOT_COLLECTED


def test_nobody_reaps_what_is_its_own(template: RunTemplate, silent: Worker) -> None:
    job = claimed(template, silent)
    lapse(job, days=1)
    assert reaping.reap(silent, builders.robot()) == 0
    assert state_of(job) == JobStatus.QUEUED


def test_an_owner_that_comes_back_changes_nothing_any_more(acme: Company, silent: Worker) -> None:
    template = builders.template(acme, builders.make_app(), overlap=Overlap.ALLOW)
    (job,) = builders.begin([claimed(template, silent)], timezone.now())
    lapse(job, seconds=settings.MULTIFLEXI_FENCE_SECONDS + 5)
    reap()
    with pytest.raises(Exception, match="changed meanwhile"):
        builders.stage([job])
    assert state_of(job) == JobStatus.LOST
