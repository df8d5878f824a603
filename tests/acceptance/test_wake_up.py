"""What wakes an executor and a scheduler: with pauses of an hour nothing here would happen by polling."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from multiflexi.jobs import schedulable
from multiflexi.jobs.queue import backend
from multiflexi.models import Company, Job, JobStatus, RunTemplate, Worker
from multiflexi.services import job_stop, worker
from tests.crash.live import Daemon, Live, cut_connections, ended, lines_of, running, until

HOUR = "3600"
WAITS = 'echo started; trap "exit 9" TERM; while :; do sleep 0.05; done'
hinted = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE_URL", "").partition(":")[0] != "postgres", reason="only PostgreSQL carries hints"
)


def patient(live: Live, name: str = "one") -> Daemon:
    """An executor that polls once an hour, when it relies on hints."""
    daemon = live.executor(name, MULTIFLEXI_POLL=HOUR, MULTIFLEXI_CYCLE_PAUSE=HOUR, MULTIFLEXI_HEARTBEAT_SECONDS="4")
    listens(1)
    return daemon


def listens(number: int) -> None:
    """Wait until so many daemons listen for hints."""

    def count() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
            )
            return bool(cursor.fetchone()[0] == number)

    until(count, f"{number} daemons that listen")


@hinted
def test_a_new_job_starts_by_its_hint(live: Live, acme: Company) -> None:
    template = live.template(live.app("exit 0"), acme)
    patient(live)
    for _ in range(3):
        assert ended(live.job(template)).status == JobStatus.SUCCESS


@hinted
def test_a_request_to_stop_is_obeyed_by_its_hint(live: Live, acme: Company) -> None:
    patient(live)
    job_id = live.run(WAITS, acme)
    until(lambda: lines_of(job_id), "the first line")
    asked = time.monotonic()
    job_stop.request_stop(live.actor, Job.objects.get(pk=job_id))
    assert ended(job_id).status == JobStatus.TERMINATED
    print(f"stopped within {time.monotonic() - asked:.2f} s")


@hinted
def test_hints_are_heard_again_when_the_database_was_restarted(live: Live, acme: Company) -> None:
    template = live.template(live.app("exit 0"), acme)
    daemon = patient(live)
    ended(live.job(template))
    before = Worker.objects.get(name="one").last_seen_at
    assert cut_connections() >= 2
    until(lambda: Worker.objects.get(name="one").last_seen_at > before, "a sign of life")
    listens(1)
    assert ended(live.job(template)).status == JobStatus.SUCCESS
    assert daemon.is_alive


@hinted
def test_a_wish_to_drain_is_obeyed_by_its_hint(live: Live, acme: Company) -> None:
    live.executor(MULTIFLEXI_CYCLE_PAUSE=HOUR, MULTIFLEXI_HEARTBEAT_SECONDS="50", MULTIFLEXI_LEASE_SECONDS="60")
    listens(1)
    found = Worker.objects.get(name="one")
    worker.drain(live.actor, found)
    until(lambda: Worker.objects.get(name="one").state == "draining", "the note that it drains", 10)
    waiting = live.run("exit 0", acme)
    worker.resume(live.actor, found)
    assert ended(waiting).status == JobStatus.SUCCESS


@hinted
def test_a_new_schedule_wakes_the_scheduler(live: Live, acme: Company) -> None:
    live.scheduler(MULTIFLEXI_SCHEDULER_CYCLE_PAUSE=HOUR, INITIALIZE_SCHEDULING_INTERVAL=HOUR)
    listens(1)
    template = live.template(live.app("exit 0"), acme, interv="i", active=True, complete=True)
    schedulable.refresh([template.pk], cadence_changed=True)
    due = backend().now() + timedelta(seconds=1)
    # Nearer than a minute, so that the test need not wait for the slot of the cadence.
    RunTemplate.objects.filter(pk=template.pk).update(next_schedule=due)
    RunTemplate.objects.filter(pk=template.pk).update(complete=False)
    schedulable.refresh([template.pk])
    job = until(template.jobs.first, "the job of the slot")
    assert job.slot == due
    assert job.created_at >= due


def test_a_job_of_the_future_starts_on_time_and_never_early(live: Live, acme: Company, tmp_path: Path) -> None:
    """The executor knows the row when it begins to pause, so its timer alone wakes it."""
    log = tmp_path / "begun"
    template = live.template(live.app(f"date +%s.%N >> {log}"), acme)
    # A heartbeat would wake it, too.
    start = timezone.now() + timedelta(seconds=5)
    jobs = [live.job(template, after=start + timedelta(seconds=0.3 * number)) for number in range(4)]
    live.executor(
        MULTIFLEXI_POLL=HOUR,
        MULTIFLEXI_CYCLE_PAUSE=HOUR,
        MULTIFLEXI_HEARTBEAT_SECONDS="50",
        MULTIFLEXI_LEASE_SECONDS="60",
    )
    ended(*jobs)
    begun = [float(line) for line in log.read_text().split()]
    late = [at - start.timestamp() - 0.3 * number for number, at in enumerate(sorted(begun))]
    print("late by", ", ".join(f"{1000 * one:.0f} ms" for one in late))
    assert min(late) >= 0
    assert all(job.begin >= job.schedule for job in Job.objects.filter(pk__in=jobs))


def test_a_free_place_is_refilled_at_once(live: Live, acme: Company) -> None:
    template = live.template(live.app("exit 0"), acme)
    jobs = [live.job(template) for _ in range(8)]
    live.executor(
        MULTIFLEXI_MAX_PARALLEL="1",
        MULTIFLEXI_POLL=HOUR,
        MULTIFLEXI_CYCLE_PAUSE=HOUR,
        MULTIFLEXI_HEARTBEAT_SECONDS="50",
        MULTIFLEXI_LEASE_SECONDS="60",
    )
    assert ended(*jobs).status == JobStatus.SUCCESS


def test_a_job_waits_for_a_busy_run_template_no_longer_than_a_poll(live: Live, acme: Company, tmp_path: Path) -> None:
    """What frees a place elsewhere gives no hint to those who could use it."""
    flag = tmp_path / "go"
    template = live.template(live.app(f'while [ ! -e "{flag}" ]; do sleep 0.05; done'), acme, overlap="queue-one")
    first = live.job(template)
    one = live.executor("one", MULTIFLEXI_MAX_PARALLEL="1")
    running(first)
    second = live.job(template)
    live.executor("two", MULTIFLEXI_POLL="0.2", MULTIFLEXI_CYCLE_PAUSE=HOUR)
    one.ask()
    assert one.process.wait(20) == 0
    live.executor("one", MULTIFLEXI_STOP_MODE="drain").ask()
    flag.touch()
    assert ended(first, second).status == JobStatus.SUCCESS
