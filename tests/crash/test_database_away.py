"""The database goes away while daemons work: none of them ends, and no result is lost or doubled."""

from __future__ import annotations

import random
import select
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from multiflexi.models import Company, Job, JobStatus, Overlap
from tests.crash.live import EMBEDDED, ON_SERVER, Gate, Live, cut_connections, ended, lines_of, running, until
from tests.crash.test_executor_crash import COUNTS, SLOW, check_ledger


def nap(seconds: float) -> None:
    select.select([], [], [], seconds)


@contextmanager
def locked_file() -> Iterator[None]:
    """Nobody else can write to the embedded database meanwhile."""
    holder = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None, timeout=30)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@ON_SERVER
@pytest.mark.slow
def test_cut_connections_lose_and_double_nothing(live: Live, acme: Company, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    app = live.app(COUNTS.format(place=place))
    templates = [live.template(app, acme, overlap=Overlap.ALLOW if n % 2 else Overlap.QUEUE_ONE) for n in range(6)]
    executor, scheduler = live.executor(), live.scheduler()
    jobs: list[int] = []
    cut = 0
    for round_ in range(150):
        if round_ % 2 == 0:
            jobs.append(live.job(templates[round_ % 6]))
        nap(0.005 * (round_ % 10))
        cut += cut_connections()
    ended(*jobs)
    assert cut > 5
    assert executor.is_alive
    assert scheduler.is_alive
    check_ledger(live, jobs, place)


@ON_SERVER
def test_lines_of_a_running_job_are_neither_lost_nor_doubled(live: Live, acme: Company, tmp_path: Path) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme)
    live.executor()
    running(job_id)
    for _ in range(60):
        nap(0.05)
        cut_connections()
    (tmp_path / "go").touch()
    assert ended(job_id).exitcode == 42
    out = [line for line in lines_of(job_id) if not line.startswith("error")]
    assert out == [*[f"line {n}" for n in range(1, len(out))], "last"]


@EMBEDDED
@pytest.mark.slow
def test_a_locked_file_is_waited_for(live: Live, acme: Company, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    app = live.app(COUNTS.format(place=place))
    template = live.template(app, acme)
    executor, scheduler = live.executor(), live.scheduler()
    jobs = [live.job(template) for _ in range(20)]
    until(lambda: Job.objects.filter(pk__in=jobs, status=JobStatus.RUNNING).exists(), "the first start")
    with locked_file():
        nap(3.5)
        assert executor.is_alive
        assert scheduler.is_alive
    ended(*jobs)
    check_ledger(live, jobs, place)


@pytest.fixture
def gate() -> Iterator[Gate]:
    way = Gate()
    yield way
    way.shut()


@ON_SERVER
def test_results_wait_for_the_database_and_limits_do_not(live: Live, acme: Company, tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ends = live.run(SLOW.format(place=tmp_path / "a"), acme)
    stays = live.run(SLOW.format(place=tmp_path / "b"), acme, time_limit=2, kill_grace=0)
    daemon = live.executor(DB_PORT=str(gate.port))
    spools = [Path(str(running(job_id).spool_path)) for job_id in (ends, stays)]
    gate.shut()
    daemon.says("level=error")
    (tmp_path / "a" / "go").touch()
    for spool in spools:
        until((spool / "exit").exists, "the end of the job")
    assert daemon.is_alive
    gate.open()
    job = ended(ends, stays)
    assert (job.status, job.exitcode) == (JobStatus.TIMEOUT, 124)
    job = Job.objects.get(pk=ends)
    assert (job.exitcode, job.claim) == (42, 1)
    out = [line for line in lines_of(ends) if not line.startswith("error")]
    assert out == [*[f"line {n}" for n in range(1, len(out))], "last"]


@ON_SERVER
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lost_answers_to_commits(live: Live, acme: Company, tmp_path: Path, gate: Gate, seed: int) -> None:
    """What was asked for is done, but nobody is told: neither to be repeated nor to be forgotten."""
    place = tmp_path / "place"
    place.mkdir()
    app = live.app(COUNTS.format(place=place))
    templates = [live.template(app, acme, overlap=Overlap.ALLOW if n % 2 else Overlap.QUEUE_ONE) for n in range(6)]
    daemon = live.executor(DB_PORT=str(gate.port))
    dice = random.Random(seed)
    gate.loses = (dice.random() < 0.2 for _ in range(60))
    jobs = [live.job(templates[n % 6]) for n in range(40)]
    ended(*jobs)
    assert gate.lost > 5
    assert daemon.is_alive
    check_ledger(live, jobs, place)


@ON_SERVER
def test_an_executor_can_leave_without_its_database(live: Live, acme: Company, tmp_path: Path, gate: Gate) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme)
    daemon = live.executor(DB_PORT=str(gate.port))
    running(job_id)
    gate.shut()
    daemon.says("level=error")
    assert daemon.stop(within=20) == 0
    (tmp_path / "go").touch()
    live.executor()
    assert ended(job_id).exitcode == 42


@pytest.mark.parametrize("module", ["executor", "scheduler"])
def test_a_daemon_waits_for_its_database_and_says_so_once(live: Live, module: str, tmp_path: Path) -> None:
    nowhere = {"DB_DATABASE": str(tmp_path / "absent" / "mf.db")} if connection.vendor == "sqlite" else {"DB_PORT": "1"}
    daemon = live.daemon(f"daemons.{module}", "--name", "one", "--daemon", **nowhere)
    daemon.says("level=error")
    nap(2.0)
    assert daemon.is_alive
    assert daemon.log.count("level=error") == 1
    assert daemon.stop(within=20) == 0
