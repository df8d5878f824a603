"""An executor that is killed at any moment: no job runs twice, none is lost, no output is missing or doubled."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import time
from pathlib import Path

import pytest
from django.db.models import Count

from multiflexi.executors.native import process
from multiflexi.models import (
    Artifact,
    Company,
    Job,
    JobHistory,
    JobOutputLine,
    JobStatus,
    Overlap,
    QueueEntry,
    RunTemplate,
)
from tests.crash.live import Live, ended, lines_of, running, stored, until

# A second run of the same job fails to make its file and says so by another one.
ONCE = """
if ( set -C; : > "{place}/$MULTIFLEXI_JOB_ID" ) 2>/dev/null; then :; else : > "{place}/$MULTIFLEXI_JOB_ID.again"; fi
"""
COUNTS = ONCE + "for n in 1 2 3 4 5 6 7 8 9; do echo $n; done; exit $(( $MULTIFLEXI_JOB_ID % 5 ))"
SLOW = """
echo $MULTIFLEXI_JOB_ID >> {place}/starts
n=0
while [ ! -e {place}/go ]; do n=$((n+1)); echo line $n; echo error $n >&2; sleep 0.02; done
echo last
exit 42
"""


def nap(seconds: float) -> None:
    select.select([], [], [], seconds)


def doubled(place: Path) -> list[str]:
    return sorted(path.name for path in place.glob("*.again"))


def check_ledger(live: Live, jobs: list[int], place: Path) -> None:
    """What must hold of jobs made of COUNTS, however often their executor went away."""
    assert doubled(place) == []
    for job in Job.objects.filter(pk__in=jobs):
        code = job.pk % 5
        expected = JobStatus.SUCCESS if code == 0 else JobStatus.FAILED
        assert (job.status, job.exitcode) == (expected, code), (job.pk, job.status, job.reason_detail)
    assert {path.name for path in place.iterdir()} == {str(job_id) for job_id in jobs}
    lines = [str(n) for n in range(1, 10)]
    content = "".join(f"{line}\n" for line in lines).encode()
    for job_id in jobs:
        assert lines_of(job_id) == lines, job_id
        assert stored(job_id) == content, job_id
    assert set(Artifact.objects.filter(job_id__in=jobs).values_list("job_id").annotate(n=Count("pk"))) == {
        (job_id, 2) for job_id in jobs
    }
    finals = JobHistory.objects.filter(job_id__in=jobs, to_status__in=(JobStatus.SUCCESS, JobStatus.FAILED))
    assert sorted(finals.values_list("job_id", flat=True)) == sorted(jobs)
    assert not QueueEntry.objects.filter(job_id__in=jobs).exists()
    for template in RunTemplate.objects.filter(jobs__in=jobs).distinct():
        ends = list(template.jobs.values_list("status", flat=True))
        assert template.running_job is None
        assert template.successfull_jobs_count == ends.count(JobStatus.SUCCESS)
        assert template.failed_jobs_count == ends.count(JobStatus.FAILED)
    until(lambda: not list(live.spool.glob("*/job-*")), "the removal of all spool directories")
    assert not list(Path(live.environment["MULTIFLEXI_TMP"]).glob("job-*"))


def test_a_running_job_survives_the_crash_of_its_executor(live: Live, acme: Company, tmp_path: Path) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme)
    pids = set()
    for _ in range(3):
        daemon = live.executor()
        pids.add(running(job_id).pid)
        seen = JobOutputLine.objects.filter(job_id=job_id).count()
        until(lambda: JobOutputLine.objects.filter(job_id=job_id).count() > seen, "more lines")  # noqa: B023
        daemon.crash()
    (tmp_path / "go").touch()
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode, len(pids)) == (JobStatus.FAILED, 42, 1)
    assert (tmp_path / "starts").read_text() == f"{job_id}\n"
    out = list(
        JobOutputLine.objects.filter(job_id=job_id, type="stdout").order_by("seq").values_list("line", flat=True)
    )
    assert out == [*[f"line {n}" for n in range(1, len(out))], "last"]
    assert stored(job_id).decode().splitlines() == out
    errors = stored(job_id, "stderr.txt").decode().splitlines()
    assert errors == [f"error {n}" for n in range(1, len(out))]
    seqs = list(JobOutputLine.objects.filter(job_id=job_id).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(out) + len(errors) + 1))


def test_a_job_that_ended_while_nobody_looked_keeps_its_code(live: Live, acme: Company, tmp_path: Path) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme)
    daemon = live.executor()
    job = running(job_id)
    daemon.crash()
    (tmp_path / "go").touch()
    until((Path(job.spool_path) / "exit").exists, "the exit file")
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode) == (JobStatus.FAILED, 42)
    assert "last" in lines_of(job_id)


def test_a_time_limit_goes_on_while_nobody_looks(live: Live, acme: Company, tmp_path: Path) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme, time_limit=2)
    daemon = live.executor()
    begun = time.monotonic()
    running(job_id)
    daemon.crash()
    nap(max(0.0, begun + 2 - time.monotonic()))
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode) == (JobStatus.TIMEOUT, 124)


def test_a_stop_under_way_is_carried_on(live: Live, acme: Company) -> None:
    job_id = live.run("trap '' TERM; echo started; while :; do sleep 0.05; done", acme, time_limit=1, kill_grace=3)
    daemon = live.executor()
    daemon.says("a job is being stopped")
    daemon.crash()
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode) == (JobStatus.TIMEOUT, 124)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random_moments_double_and_lose_nothing(live: Live, acme: Company, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    place = tmp_path / "place"
    place.mkdir()
    app = live.app(COUNTS.format(place=place))
    templates = [live.template(app, acme, overlap=Overlap.ALLOW if n % 2 else Overlap.QUEUE_ONE) for n in range(6)]
    jobs: list[int] = []
    for _kill in range(6):
        jobs += [live.job(dice.choice(templates)) for _ in range(7)]
        daemon = live.executor()
        nap(dice.uniform(0.0, 0.2))
        daemon.crash()
    live.executor()
    ended(*jobs)
    check_ledger(live, jobs, place)


# Evidence


def left_behind(live: Live, acme: Company, place: Path, **fields: object) -> Job:
    """A running job whose executor has been killed."""
    job_id = live.run(SLOW.format(place=place), acme, **fields)
    daemon = live.executor()
    until(lambda: lines_of(job_id) and Job.objects.get(pk=job_id).pid, "the first line, and who writes it")
    daemon.crash()
    return Job.objects.get(pk=job_id)


def lost(job_id: int) -> str:
    job = ended(job_id)
    assert (job.status, job.exitcode, job.failure_reason) == (JobStatus.LOST, -1, "lost")
    return str(job.reason_detail)


def test_without_wrapper_the_rest_of_the_job_is_ended(live: Live, acme: Company, tmp_path: Path) -> None:
    job = left_behind(live, acme, tmp_path, max_retries=1)
    assert job.pid
    os.kill(job.pid, signal.SIGKILL)
    live.executor(MULTIFLEXI_MAX_PARALLEL="1")
    assert lost(job.pk) == "wrapper_gone"
    grown = (Path(tmp_path / "starts")).read_text().splitlines()
    assert grown[0] == str(job.pk)
    again = job.runtemplate.jobs.exclude(pk=job.pk).get()
    assert (again.retry_of_id, again.attempt) == (job.pk, 2)
    assert lines_of(job.pk)
    assert stored(job.pk).startswith(b"line 1\n")


def test_without_spool_there_is_no_evidence(live: Live, acme: Company, tmp_path: Path) -> None:
    job = left_behind(live, acme, tmp_path)
    shutil.rmtree(job.spool_path)
    live.executor()
    assert lost(job.pk) == "no_evidence"
    assert job.pid
    wrapper = process.look(job.pid)
    assert wrapper is None or wrapper.dead


def test_after_another_boot_the_job_is_lost(live: Live, acme: Company, tmp_path: Path) -> None:
    job = left_behind(live, acme, tmp_path)
    other = "00000000-0000-0000-0000-000000000000:1"
    Job.objects.filter(pk=job.pk).update(boot_id=other, handle={**job.handle, "boot_id": other})
    live.executor()
    assert lost(job.pk) == "host_rebooted"


def test_an_exit_file_counts_after_another_boot(live: Live, acme: Company, tmp_path: Path) -> None:
    job = left_behind(live, acme, tmp_path)
    (tmp_path / "go").touch()
    until((Path(job.spool_path) / "exit").exists, "the exit file")
    other = "00000000-0000-0000-0000-000000000000:1"
    Job.objects.filter(pk=job.pk).update(boot_id=other, handle={**job.handle, "boot_id": other})
    live.executor()
    assert (ended(job.pk).status, ended(job.pk).exitcode) == (JobStatus.FAILED, 42)


def test_a_full_start_mark_forbids_a_second_start(live: Live, acme: Company, tmp_path: Path) -> None:
    """Evidence of an earlier start of the same job, such as a restored database meets, is never overrun."""
    template = live.template(live.app(f"touch {tmp_path}/ran"), acme)
    job_id = live.job(template)
    neighbour = live.run("exit 0", acme)
    earlier = live.spool / "one" / f"job-{job_id}-7"
    earlier.mkdir(parents=True)
    (earlier / "start").write_text("12345\n")
    live.executor()
    assert ended(job_id, neighbour).status == JobStatus.SUCCESS
    job = Job.objects.get(pk=job_id)
    assert (job.status, job.exitcode) == (JobStatus.FAILED, -1)
    assert "was started before" in job.reason_detail
    assert not (tmp_path / "ran").exists()
    assert earlier.exists()
