"""The executor as a process: how it starts, drains, is stopped, and what becomes of its jobs then."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from multiflexi.models import (
    Company,
    FailureReason,
    Job,
    JobStatus,
    QueueEntry,
    StopLevel,
    Worker,
    WorkerState,
)
from multiflexi.services import worker
from tests.crash.live import NEVER_ENDS, WAIT, Live, ended, lines_of, running, status, stored, until


def test_term_leaves_jobs_alone_and_the_next_process_adopts_them(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    job_id = live.run(WAIT.format(flag=flag), acme)
    first = live.executor()
    before = running(job_id)
    assert first.stop() == 0
    assert Worker.objects.get(name="one").state == WorkerState.DETACHED
    assert Path(f"/proc/{before.pid}").exists()
    assert QueueEntry.objects.get(job_id=job_id).lease_until > timezone.now() + timedelta(hours=23)
    live.executor()
    after = until(lambda: Job.objects.filter(pk=job_id, claim=before.claim + 1).first(), "the adoption")
    assert (after.status, after.pid, after.pid_started) == (JobStatus.RUNNING, before.pid, before.pid_started)
    flag.touch()
    assert ended(job_id).status == JobStatus.SUCCESS
    assert lines_of(job_id) == ["started", "ended"]
    assert stored(job_id) == b"started\nended\n"


def test_interrupt_drains(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    job_id = live.run(WAIT.format(flag=flag), acme)
    daemon = live.executor()
    running(job_id)
    daemon.ask(signal.SIGINT)
    daemon.says("stopping (drain)")
    waiting = live.run("exit 0", acme)
    until(lambda: Worker.objects.get(name="one").state == WorkerState.DRAINING, "the note that it drains")
    assert daemon.is_alive
    flag.touch()
    assert daemon.process.wait(20) == 0
    assert (status(job_id), status(waiting)) == (JobStatus.SUCCESS, JobStatus.PENDING)
    assert Worker.objects.get(name="one").state == WorkerState.STOPPED


def test_a_drained_executor_takes_no_jobs_until_it_is_resumed(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    at_work = live.run(WAIT.format(flag=flag), acme)
    daemon = live.executor()
    running(at_work)
    one = Worker.objects.get(name="one")
    assert worker.drain(live.actor, one)
    until(lambda: Worker.objects.get(name="one").state == WorkerState.DRAINING, "the note that it drains")
    assert Worker.objects.get(name="one").not_claiming_reason == "draining"
    waiting = live.run("exit 0", acme)
    assert not worker.is_drained(one)
    flag.touch()
    assert ended(at_work).status == JobStatus.SUCCESS
    until(lambda: worker.is_drained(one), "the end of its last job")
    # A restart is no wish to take jobs again.
    assert daemon.stop() == 0
    live.executor()
    until(lambda: Worker.objects.get(name="one").state == WorkerState.DRAINING, "the note that it drains")
    assert status(waiting) == JobStatus.PENDING
    assert worker.resume(live.actor, one)
    assert ended(waiting).status == JobStatus.SUCCESS
    assert Worker.objects.get(name="one").state == WorkerState.RUNNING


def test_a_second_interrupt_kills(live: Live, acme: Company) -> None:
    job_id = live.run(NEVER_ENDS, acme)
    daemon = live.executor()
    until(lambda: lines_of(job_id), "the first line")
    daemon.ask(signal.SIGINT)
    daemon.says("stopping (drain)")
    assert daemon.stop(signal.SIGINT, within=15) == 0
    job = Job.objects.get(pk=job_id)
    assert (job.status, job.failure_reason, job.exitcode) == (JobStatus.TERMINATED, FailureReason.SHUTDOWN, 137)


def test_stop_mode_kill_ends_jobs_and_retries_them_elsewhere(live: Live, acme: Company) -> None:
    job_id = live.run("echo started; sleep 60", acme, max_retries=1, kill_grace=30)
    daemon = live.executor(MULTIFLEXI_STOP_MODE="kill")
    until(lambda: lines_of(job_id), "the first line")
    assert daemon.stop(within=10) == 0
    job = Job.objects.get(pk=job_id)
    assert (job.status, job.failure_reason, job.exitcode) == (JobStatus.TERMINATED, FailureReason.SHUTDOWN, 143)
    assert "the executor was stopped" in job.reason_detail
    assert job.runtemplate.jobs.exclude(pk=job_id).get().retry_of_id == job_id


@pytest.mark.parametrize("mode", ["detach", "drain"])
def test_no_job_is_left_alone_when_the_host_goes_down(live: Live, acme: Company, tmp_path: Path, mode: str) -> None:
    """The service manager is asked by its own program."""
    manager = tmp_path / "bin" / "systemctl"
    manager.parent.mkdir()
    manager.write_text('#!/bin/sh\n[ "$*" = is-system-running ] && echo stopping\nexit 1\n')
    manager.chmod(0o755)
    job_id = live.run("echo started; sleep 60", acme, max_retries=1)
    daemon = live.executor(MULTIFLEXI_STOP_MODE=mode, PATH=f"{manager.parent}:{os.environ['PATH']}")
    until(lambda: lines_of(job_id), "the first line")
    assert daemon.stop(within=15) == 0
    job = Job.objects.get(pk=job_id)
    assert (job.status, job.failure_reason, job.exitcode) == (JobStatus.TERMINATED, FailureReason.SHUTDOWN, 143)
    assert "the host goes down" in job.reason_detail
    assert job.runtemplate.jobs.exclude(pk=job_id).get().retry_of_id == job_id
    assert Worker.objects.get(name="one").state == WorkerState.STOPPED


def test_what_a_drain_does_not_see_the_end_of_is_detached(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    job_id = live.run(WAIT.format(flag=flag), acme)
    daemon = live.executor(MULTIFLEXI_STOP_MODE="drain", MULTIFLEXI_SHUTDOWN_GRACE="1")
    before = running(job_id)
    assert daemon.stop(within=20) == 0
    assert Worker.objects.get(name="one").state == WorkerState.DETACHED
    live.executor()
    flag.touch()
    job = ended(job_id)
    assert (job.status, job.pid) == (JobStatus.SUCCESS, before.pid)


def test_a_second_term_ends_a_drain_at_once(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    job_id = live.run(WAIT.format(flag=flag), acme)
    daemon = live.executor(MULTIFLEXI_STOP_MODE="drain", MULTIFLEXI_SHUTDOWN_GRACE="0")
    running(job_id)
    daemon.ask()
    daemon.says("stopping (drain)")
    assert daemon.stop(within=20) == 0
    assert "stopping (detach)" in daemon.log
    assert status(job_id) == JobStatus.RUNNING
    live.executor()
    flag.touch()
    assert ended(job_id).status == JobStatus.SUCCESS


def test_kill_mode_also_ends_jobs_that_are_patient(live: Live, acme: Company) -> None:
    """A longer grace of the run template, or a stop that never kills, does not outlast the executor's own grace."""
    patient = live.run(NEVER_ENDS, acme, kill_grace=600)
    asked = live.run(NEVER_ENDS, acme)
    daemon = live.executor(MULTIFLEXI_STOP_MODE="kill")
    until(lambda: lines_of(patient) and lines_of(asked), "the first lines")
    QueueEntry.objects.filter(job_id=asked).update(stop_level=StopLevel.WAIT, stop_by_id=live.actor.user_id)
    daemon.says("a job is being stopped")
    assert daemon.stop(within=15) == 0
    assert (status(patient), status(asked)) == (JobStatus.TERMINATED, JobStatus.TERMINATED)


def test_a_name_is_held_by_one_process(live: Live) -> None:
    first = live.executor("same")
    second = live.daemon("daemons.executor", "--daemon", "--name", "same")
    assert second.process.wait(20) == 1
    assert len(second.log.splitlines()) == 1
    assert f"process {first.pid}" in second.log
    first.stop()


def test_the_number_of_places_is_taken_over_by_a_reload(live: Live, acme: Company, tmp_path: Path) -> None:
    settings = tmp_path / "mf.env"
    settings.write_text("MULTIFLEXI_MAX_PARALLEL=1\n")
    del live.environment["MULTIFLEXI_MAX_PARALLEL"]
    script = WAIT.format(flag=tmp_path / "go")
    jobs = [live.run(script, acme), live.run(script, acme)]
    daemon = live.executor(MULTIFLEXI_ENV_FILE=str(settings))
    running(jobs[0])
    settings.write_text("MULTIFLEXI_MAX_PARALLEL=2\n")
    daemon.ask(signal.SIGHUP)
    running(jobs[1])
