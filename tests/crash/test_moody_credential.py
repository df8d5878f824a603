"""Two executors, many jobs, one credential that fails and recovers: one alarm, one check, each job once."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiflexi.credentials import checking, registry
from multiflexi.models import Availability, Company, Credential, Job, JobStatus, Outbox, QueueEntry
from tests.crash import moody_provider
from tests.crash.live import Live, ended, status, until
from tests.integration.jobs_environment.builders import Bank, assign

JOBS = 50


class Moods:
    """The credential's mood, for executors and for this process alike."""

    def __init__(self, live: Live, root: Path, credential: Credential) -> None:
        self.live, self.credential = live, credential
        self.file = root / "mood"
        self.log = self.file.with_suffix(".log")

    def is_now(self, state: Availability) -> None:
        # Replaced at once, because a reader must never find it empty.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(state.value)
        fresh.replace(self.file)

    def executor(self, name: str) -> None:
        self.live.daemon("tests.crash.moody_provider", "--daemon", "--name", name, MOOD=str(self.file))

    def check(self) -> None:
        """As a person does."""
        checking.check([self.credential.pk])

    def checks(self) -> list[str]:
        return self.log.read_text().split()


@pytest.fixture
def moods(live: Live, acme: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Moods:
    made = Moods(live, tmp_path, Bank(acme).credential("Main", LOGIN="acme"))
    monkeypatch.setattr(registry, "get", lambda _code: moody_provider.Moody(made.file))
    return made


@pytest.fixture
def jobs(live: Live, acme: Company, tmp_path: Path, moods: Moods) -> list[int]:
    """Jobs of several run templates, each of which leaves a line."""
    app = live.app(f"echo $MULTIFLEXI_JOB_ID >> {tmp_path}/starts")
    templates = [live.template(app, acme, name=f"t{number}") for number in range(5)]
    for template in templates:
        assign(template, moods.credential)
    return [live.job(templates[number % 5]) for number in range(JOBS)]


def starts(root: Path) -> list[int]:
    return sorted(map(int, (root / "starts").read_text().split()))


def test_an_outage_is_one_alarm_and_a_recovery_wakes_all(moods: Moods, jobs: list[int], tmp_path: Path) -> None:
    moods.is_now(Availability.UNAVAILABLE)
    moods.executor("one")
    moods.executor("two")
    until(lambda: QueueEntry.objects.filter(deferrals=1).count() == JOBS, "the deferral of all jobs")
    assert moods.checks() == ["begin", "end"]
    assert Outbox.objects.filter(kind="notification").count() == 1
    moods.is_now(Availability.AVAILABLE)
    moods.check()
    ended(*jobs)
    assert {status(job) for job in jobs} == {JobStatus.SUCCESS}
    assert starts(tmp_path) == sorted(jobs)
    assert moods.checks()[:4] == ["begin", "end"] * 2


def test_a_credential_that_changes_all_the_time_loses_no_job(moods: Moods, jobs: list[int], tmp_path: Path) -> None:
    moods.is_now(Availability.UNAVAILABLE)
    moods.executor("one")
    moods.executor("two")
    for state in (Availability.DEGRADED, Availability.UNAVAILABLE, Availability.UNKNOWN, Availability.UNAVAILABLE) * 3:
        moods.is_now(state)
        moods.check()
    moods.is_now(Availability.AVAILABLE)
    # Whatever the last check found, jobs that it deferred are woken by the next good one.
    until(lambda: (moods.check(), not QueueEntry.objects.exists())[1], "the end of all jobs")
    assert {status(job) for job in jobs} == {JobStatus.SUCCESS}
    assert starts(tmp_path) == sorted(jobs)
    assert moods.checks() == ["begin", "end"] * (len(moods.checks()) // 2)


def test_what_a_wrong_password_has_blocked_runs_when_it_is_corrected(
    live: Live, moods: Moods, jobs: list[int], tmp_path: Path
) -> None:
    from multiflexi.services import blocked_jobs

    moods.is_now(Availability.MISCONFIGURED)
    moods.executor("one")
    moods.executor("two")
    ended(*jobs)
    assert {status(job) for job in jobs} == {JobStatus.BLOCKED}
    assert (moods.checks(), Outbox.objects.filter(kind="notification").count()) == (["begin", "end"], 1)
    moods.is_now(Availability.AVAILABLE)
    moods.check()
    done = blocked_jobs.repeat(live.actor, moods.credential)
    again = [job.pk for job in done.made]
    ended(*again)
    assert (done.left, len(again)) == ({}, JOBS)
    assert starts(tmp_path) == sorted(again)
    assert Job.objects.filter(status=JobStatus.SUCCESS).count() == JOBS
