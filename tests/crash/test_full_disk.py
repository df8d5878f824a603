"""A full disk: nothing is begun that cannot be kept, and no result is lost."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from multiflexi.models import Company, Job, JobStatus, Worker
from multiflexi.services.explain.job import explain
from tests import needs
from tests.crash.live import Live, ended, running, status, stored, until
from tests.crash.test_executor_crash import ONCE

PAGE = 4096
SIZE = 8 * 1024 * 1024
EMBEDDED = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the disk of a server is not ours to fill")


class Disk:
    """A small file system."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free

    def fill(self, leave: int = 0) -> None:
        """Leave just so many bytes free."""
        with self._filler.open("ab", buffering=0) as file:
            while self.free_bytes > leave:
                file.write(b"\0" * min(PAGE, self.free_bytes - leave))

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "none", place], check=False).returncode:
        needs.missing("only root may mount a file system of its own")
    yield Disk(place)
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def live(live: Live, disk: Disk) -> Live:
    """The installation with its directories on the small disk."""
    live.spool = disk.path / "spool"
    live.environment |= {"MULTIFLEXI_SPOOL": str(live.spool), "MULTIFLEXI_TMP": str(disk.path / "tmp")}
    return live


def reason() -> str | None:
    return Worker.objects.get(role="executor", name="one").not_claiming_reason


def test_nothing_is_claimed_while_space_is_short(live: Live, acme: Company, disk: Disk) -> None:
    daemon = live.executor(MULTIFLEXI_MIN_FREE_MB="2")
    assert reason() is None
    disk.fill(leave=1024 * 1024)
    job_id = live.run("exit 5", acme)
    daemon.says("no jobs are claimed: disk")
    until(reason, "the reason on the instance")
    assert str(reason()).startswith("disk: less than 2 MiB free")
    (obstacle,) = explain(live.actor, Job.objects.get(pk=job_id))["waiting_for"]
    assert "disk: less than 2 MiB free" in obstacle["detail"]
    seen = Worker.objects.get(name="one").last_seen_at
    until(lambda: Worker.objects.get(name="one").last_seen_at > seen, "the next heartbeat")
    assert status(job_id) == JobStatus.PENDING
    assert daemon.log.count("no jobs are claimed") == 1
    disk.empty()
    assert ended(job_id).exitcode == 5
    daemon.says("jobs are claimed again")
    until(lambda: reason() is None, "the end of the reason")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_job_that_fills_the_disk_keeps_its_result(live: Live, acme: Company, disk: Disk, restarted: bool) -> None:
    """Its write errors are its own; its exit status is not lost, though there is no room to write it down."""
    go = live.root / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.02; done; cat /dev/zero 2>/dev/null; exit 7"
    job_id = live.run(script, acme)
    daemon = live.executor()
    spool = Path(str(running(job_id).spool_path))
    if restarted:
        daemon.crash()
    go.touch()
    until((spool / "exit").exists, "the end of the job")
    assert restarted is False or (spool / "exit.7").exists()
    if restarted:
        live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode) == (JobStatus.FAILED, 7)
    assert job.stdout_bytes > SIZE // 2
    assert len(stored(job_id)) == job.stdout_bytes
    until(lambda: disk.free_bytes > SIZE // 2, "the space that the output took")


@pytest.mark.slow
def test_with_any_amount_of_space_left_every_job_runs_once(live: Live, acme: Company, disk: Disk) -> None:
    """Whatever finds no room, be it directory, start mark, output or exit status: nothing is lost or doubled."""
    place = live.root / "place"
    place.mkdir()
    template = live.template(live.app(ONCE.format(place=place) + "echo hello 2>/dev/null; exit 5"), acme)
    daemon = live.executor()
    jobs = []
    for pages in range(7):
        disk.fill(leave=pages * PAGE)
        jobs.append(live.job(template))
        waits = "no job can be prepared", "a start failed"
        seen = sum(daemon.log.count(text) for text in waits)
        until(
            lambda: (
                JobStatus(status(jobs[-1])).is_final or sum(daemon.log.count(text) for text in waits) > seen  # noqa: B023
            ),
            "the job's end, or word that there is no room for it",
        )
        disk.empty()
        job = ended(jobs[-1])
        assert (job.status, job.exitcode) == (JobStatus.FAILED, 5), pages
    assert sorted(path.name for path in place.iterdir()) == sorted(str(job_id) for job_id in jobs)
    assert daemon.is_alive


@EMBEDDED
@pytest.mark.slow
def test_an_embedded_database_on_a_full_disk(live: Live, acme: Company, disk: Disk, tmp_path: Path) -> None:
    """The result waits in the spool until the database can be written again."""
    go = tmp_path / "go"
    job_id = live.run(f"while [ ! -e {go} ]; do sleep 0.02; done; echo hello; exit 7", acme)
    file = disk.path / "mf.db"
    directories = {"MULTIFLEXI_SPOOL": str(tmp_path / "spool"), "MULTIFLEXI_TMP": str(tmp_path / "tmp")}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(file)])

    def ask(sql: str) -> object:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20) as reader:
            return reader.execute(sql, [job_id]).fetchone()[0]

    daemon = live.daemon("daemons.executor", "--daemon", "--name", "one", DB_DATABASE=str(file), **directories)
    until(lambda: ask("SELECT pid FROM job WHERE id = ?"), "the start of the job")
    disk.fill()
    daemon.says("level=error")
    assert "full" in daemon.log
    go.touch()
    until(lambda: list(tmp_path.glob("spool/one/job-*/exit")), "the end of the job")
    assert daemon.is_alive
    disk.empty()
    until(lambda: JobStatus(str(ask("SELECT status FROM job WHERE id = ?"))).is_final, "the end in the database")
    assert ask("SELECT exitcode FROM job WHERE id = ?") == 7
    assert ask("SELECT count(*) FROM artifacts WHERE job_id = ? AND size > 0") == 1
