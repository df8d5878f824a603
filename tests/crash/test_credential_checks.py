"""An executor that dies or stops while a provider is asked: its jobs run once all the same, and others check."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from multiflexi.jobs.queue import backend
from multiflexi.models import Company, Credential, CredentialUse, JobHistory, JobStatus
from tests.crash.live import Live, ended, status, until
from tests.integration.jobs_environment.builders import Bank, assign


@pytest.fixture
def jobs(live: Live, acme: Company, tmp_path: Path) -> list[int]:
    """Jobs with a credential, each of which leaves a line."""
    credential = Bank(acme).credential("Main", LOGIN="acme")
    app = live.app(f"echo $MULTIFLEXI_JOB_ID >> {tmp_path}/starts")
    templates = [live.template(app, acme, name=f"t{number}") for number in range(3)]
    for template in templates:
        assign(template, credential)
    return [live.job(template) for template in templates]


def hang(live: Live, name: str = "one") -> object:
    """An executor in the midst of a check, with jobs that wait for it."""
    daemon = live.daemon("tests.crash.hanging_provider", "--daemon", "--name", name)
    until(lambda: Credential.objects.filter(checking_by__isnull=False).exists(), "the beginning of a check")
    return daemon


def check_all(jobs: list[int], root: Path) -> None:
    ended(*jobs)
    assert [status(job) for job in jobs] == [JobStatus.SUCCESS] * len(jobs)
    assert sorted(map(int, (root / "starts").read_text().split())) == sorted(jobs)
    assert CredentialUse.objects.count() == len(jobs)
    assert not JobHistory.objects.filter(job_id__in=jobs, reason="deferred").exists()
    found = Credential.objects.get()
    assert (found.checking_by, found.check_failures) == (None, 0)


@pytest.mark.parametrize("successor", ["one", "two"])
def test_a_killed_executor_loses_nothing(live: Live, acme: Company, tmp_path: Path, jobs, successor: str) -> None:
    daemon = hang(live)
    daemon.crash()
    live.executor(successor)
    # Its lease is over sooner than in life.
    Credential.objects.update(checking_until=backend().now() - timedelta(seconds=1))
    check_all(jobs, tmp_path)


def test_a_stopped_executor_leaves_the_check_at_once(live: Live, acme: Company, tmp_path: Path, jobs) -> None:
    daemon = hang(live)
    assert daemon.stop(signal.SIGTERM, within=10) == 0
    assert Credential.objects.get().checking_by is None
    live.executor()
    check_all(jobs, tmp_path)
