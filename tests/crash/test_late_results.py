"""An executor comes back after others have decided about its jobs: what it knows is kept, and decides nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from multiflexi.models import Company, Job, JobHistory, JobStatus, RunTemplate
from multiflexi.runner import late
from tests.crash.live import Daemon, Live, ended, running, status, stored, until
from tests.crash.test_executor_crash import SLOW

pytestmark = pytest.mark.slow

FENCE = {"MULTIFLEXI_FENCE_SECONDS": "1"}
SECRET = "pin-987654321"


def lost(live: Live, job_id: int) -> Daemon:
    """The executor of the job is gone, and another one takes the job for lost; that one is returned."""
    live.daemons[-1].crash()
    other = live.executor("two", **FENCE)
    job = ended(job_id)
    assert (job.status, job.reason_detail, job.exitcode) == (JobStatus.LOST, "owner_silent", -1)
    return other


def notes(job_id: int) -> list[str | None]:
    found = JobHistory.objects.filter(job_id=job_id, reason=late.REASON)
    assert {(one.from_status, one.to_status) for one in found} <= {(JobStatus.LOST, JobStatus.LOST)}
    return [one.detail for one in found]


def secretive(live: Live, acme: Company, place: Path, **fields: object) -> RunTemplate:
    """Its jobs tell their secret, and write a result file."""
    app = live.app('echo "my $PIN"; echo done > report.txt' + SLOW.format(place=place), **fields)
    app.fields.create(keyname="PIN", type="secret", secret=True)
    app.fields.create(keyname="RESULT_FILE", type="string", defval="report.txt")
    return live.template(app, acme)


@pytest.mark.parametrize("ends", ["before", "after"])
def test_a_late_result_is_a_note_and_artifacts(live: Live, acme: Company, tmp_path: Path, ends: str) -> None:
    job_id = live.job(secretive(live, acme, tmp_path), overrides={"PIN": SECRET})
    live.executor("one")
    directory = Path(str(running(job_id).spool_path))
    lost(live, job_id)
    before = Job.objects.get(pk=job_id)
    if ends == "before":
        (tmp_path / "go").touch()
        until((directory / "exit").exists, "the end of the job")
    live.executor("one", **FENCE)
    assert status(job_id) == JobStatus.LOST
    if ends == "after":
        assert directory.exists()
        (tmp_path / "go").touch()
    until(lambda: not directory.exists(), "the removal of the spool directory")
    job = Job.objects.get(pk=job_id)
    assert (job.status, job.exitcode, job.end, job.claim) == (JobStatus.LOST, -1, before.end, before.claim)
    (note,) = notes(job_id)
    assert note is not None
    assert note.startswith("exit code 42, ended at ")
    output = stored(job_id)
    assert output.startswith("my ••••••••\n".encode())
    assert output.endswith(b"\nlast\n")
    assert stored(job_id, "report.txt") == b"done\n"
    assert job.artifacts.count() == 3
    assert job.collect_error is None
    assert job.env["PIN"] is None
    assert not list(Path(live.environment["MULTIFLEXI_TMP"]).glob("job-*"))
    assert (tmp_path / "starts").read_text() == f"{job_id}\n"
    template = job.runtemplate
    assert template is not None
    assert (template.failed_jobs_count, template.successfull_jobs_count, template.running_job_id) == (1, 0, None)


def test_an_owner_that_was_only_paused_tells_late_too(live: Live, acme: Company, tmp_path: Path) -> None:
    """It still believes in its job, until its write changes no row."""
    job_id = live.run(SLOW.format(place=tmp_path), acme)
    paused = live.executor("one", **FENCE)
    directory = Path(str(running(job_id).spool_path))
    paused.ask(signal.SIGSTOP)
    live.executor("two", **FENCE)
    assert ended(job_id).status == JobStatus.LOST
    paused.ask(signal.SIGCONT)
    (tmp_path / "go").touch()
    until(lambda: not directory.exists(), "the removal of the spool directory")
    (note,) = notes(job_id)
    assert note is not None
    assert note.startswith("exit code 42")
    assert stored(job_id).endswith(b"\nlast\n")
    assert paused.is_alive


def test_what_can_not_be_masked_any_more_is_not_kept(live: Live, acme: Company, tmp_path: Path) -> None:
    job_id = live.job(secretive(live, acme, tmp_path), overrides={"PIN": SECRET})
    live.executor("one")
    job = running(job_id)
    directory = Path(str(job.spool_path))
    lost(live, job_id)
    Job.objects.filter(pk=job_id).update(env={**job.env, "PIN": None})
    (tmp_path / "go").touch()
    until((directory / "exit").exists, "the end of the job")
    live.executor("one", **FENCE)
    until(lambda: not directory.exists(), "the removal of the spool directory")
    job = Job.objects.get(pk=job_id)
    assert len(notes(job_id)) == 1
    assert job.artifacts.count() == 0
    assert "was not kept" in str(job.collect_error)


def test_a_time_limit_holds_for_a_lost_job_too(live: Live, acme: Company, tmp_path: Path) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme, time_limit=8)
    live.executor("one")
    directory = Path(str(running(job_id).spool_path))
    lost(live, job_id)
    live.executor("one", **FENCE)
    until(lambda: not directory.exists(), "the removal of the spool directory")
    (note,) = notes(job_id)
    assert "timeout (time limit of 8 s)" in str(note)
    assert status(job_id) == JobStatus.LOST


def test_a_proven_outcome_gets_its_artifacts_late(live: Live, acme: Company, tmp_path: Path) -> None:
    """The owner disappeared between the proof of the end and the completion, which others have done since."""
    job_id = live.run(SLOW.format(place=tmp_path), acme)
    live.executor("one")
    job = running(job_id)
    live.daemons[-1].crash()
    (tmp_path / "go").touch()
    until((Path(str(job.spool_path)) / "exit").exists, "the end of the job")
    evidence = {"exit_code": 42, "signal": None, "kill_note": None, "usage": None, "ended_at": job.begin.isoformat()}
    Job.objects.filter(pk=job_id).update(status=JobStatus.FINISHING, staged_result=evidence)
    live.executor("two", **FENCE)
    assert ended(job_id).status == JobStatus.FAILED
    assert not Job.objects.get(pk=job_id).artifacts.exists()
    live.executor("one", **FENCE)
    until(lambda: Job.objects.get(pk=job_id).artifacts.count() == 2, "the artifacts")
    job = Job.objects.get(pk=job_id)
    assert (job.status, job.exitcode, job.collect_error) == (JobStatus.FAILED, 42, None)
