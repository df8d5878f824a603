"""An executor that dies and does not come back, and one that is stopped for so long that others take over."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

from multiflexi.faults import Point
from multiflexi.models import Company, Job, JobHistory, JobOutputLine, JobStatus, QueueEntry, Worker
from multiflexi.runner import late
from tests.crash.live import ON_SERVER, Daemon, Live, ended, lines_of, running, status, stored, until
from tests.crash.test_executor_crash import ONCE, doubled

LEASE, FENCE = 5, 2
SHORT = {"MULTIFLEXI_LEASE_SECONDS": str(LEASE), "MULTIFLEXI_FENCE_SECONDS": str(FENCE)}
# What it keeps in its own directory tells whether somebody else laid hands on that.
WAITING = ONCE + "echo mine >kept; while [ ! -e {go} ]; do sleep 0.02; done; cat kept; exit 42"
# A job that leaves a file passes `finishing` where it can be seen.
QUICK = ONCE + ": > left; echo mine; exit 42"
STARTED = [Point.START_COMMITTED, Point.SPAWNED, Point.LINES_COMMITTED]
STAGED = [Point.STAGED, Point.GATHERED]


class Owners:
    """Executors that have met with an accident, each with one job of its own."""

    def __init__(self, live: Live, company: Company, root: Path) -> None:
        self._live, self._company = live, company
        self.go, self._place = root / "go", root / "place"
        self._place.mkdir()
        self.jobs: dict[Point, int] = {}
        self.daemons: dict[Point, Daemon] = {}

    def leave(self, *points: Point, by: str, **fields: Any) -> None:
        """One executor after the other comes as far as its point, and takes the signal there."""
        for point in points:
            script = WAITING if list(Point).index(point) < list(Point).index(Point.ENDED) else QUICK
            app = self._live.app(script.format(place=self._place, go=self.go))
            self.jobs[point] = self._live.job(self._live.template(app, self._company, **fields))
            self.daemons[point] = self._live.executor_hit_at(point, by, name=point, **SHORT)

    def go_on(self) -> None:
        """Wake the stopped ones, and wait until each has been through some cycles."""
        for point, daemon in self.daemons.items():
            daemon.ask(signal.SIGCONT)
            for _beat in range(2):
                seen = Worker.objects.get(name=point).last_seen_at
                until(Worker.objects.filter(name=point, last_seen_at__gt=seen).exists, f"a heartbeat of {point}")
            assert daemon.is_alive

    @property
    def ran(self) -> set[int]:
        """Jobs whose application was started, none of them twice."""
        assert doubled(self._place) == []
        return {int(path.name) for path in self._place.iterdir()}

    def picture(self) -> list[object]:
        """All that others have decided about the jobs; a late result may add to what is kept of them."""
        ids = self.jobs.values()
        decided = ("pk", "status", "exitcode", "claim", "attempt", "end", "failure_reason", "reason_detail")
        templates = self._company.runtemplates.order_by("pk")
        return [
            list(Job.objects.filter(runtemplate__jobs__in=ids).order_by("pk").values_list(*decided)),
            list(
                JobHistory.objects.exclude(reason=late.REASON).order_by("pk").values_list("job", "to_status", "claim")
            ),
            list(JobOutputLine.objects.filter(job_id__in=ids).order_by("job_id", "seq").values_list("job", "line")),
            list(templates.values_list("successfull_jobs_count", "failed_jobs_count", "running_job")),
        ]


def leases(jobs: dict[Point, int]) -> dict[Point, Any]:
    return {point: QueueEntry.objects.get(job_id=job_id).lease_until for point, job_id in jobs.items()}


def check_lost(job_id: int, lease: Any) -> None:
    job = ended(job_id)
    assert (job.status, job.exitcode, job.reason_detail) == (JobStatus.LOST, -1, "owner_silent")
    at = job.history.get(from_status=JobStatus.RUNNING, to_status=JobStatus.LOST).at
    assert at >= lease + timedelta(seconds=FENCE), (at, lease)


def test_what_becomes_of_the_jobs_of_a_dead_executor(live: Live, acme: Company, tmp_path: Path) -> None:
    """Only what was certainly not started is run by others; what may run is lost after the fence, and not before."""
    owners = Owners(live, acme, tmp_path)
    unstarted = [Point.CLAIMED, Point.START_UNCOMMITTED]
    owners.leave(*unstarted, *STARTED, *STAGED, Point.END_UNCOMMITTED, by="SIGKILL")
    held = leases(owners.jobs)
    live.executor("rescuer", **SHORT)
    for point in unstarted:
        assert running(owners.jobs[point]).claim == 2
    for point in STARTED:
        check_lost(owners.jobs[point], held[point])
    for point in (*STAGED, Point.END_UNCOMMITTED):
        job = ended(owners.jobs[point])
        assert (job.status, job.exitcode) == (JobStatus.FAILED, 42)
        assert "not collected" in job.collect_error
    owners.go.touch()
    for point in unstarted:
        assert ended(owners.jobs[point]).exitcode == 42
        assert stored(owners.jobs[point]) == b"mine\n"
    assert owners.ran == set(owners.jobs.values()) - {owners.jobs[Point.START_COMMITTED]}
    before = [status(job_id) for job_id in owners.jobs.values()]
    for point in (Point.SPAWNED, Point.STAGED):
        live.executor(point, **SHORT)
    assert [status(job_id) for job_id in owners.jobs.values()] == before
    assert owners.ran == set(owners.jobs.values()) - {owners.jobs[Point.START_COMMITTED]}


def test_a_stopped_executor_changes_nothing_when_it_goes_on(live: Live, acme: Company, tmp_path: Path) -> None:
    """Its jobs belong to others by then, or have ended without it."""
    owners = Owners(live, acme, tmp_path)
    owners.leave(Point.CLAIMED, *STARTED, Point.STAGED, Point.END_COMMITTED, by="SIGSTOP")
    held = leases({point: owners.jobs[point] for point in STARTED})
    live.executor("rescuer", **SHORT)
    assert running(owners.jobs[Point.CLAIMED]).claim == 2
    for point in STARTED:
        check_lost(owners.jobs[point], held[point])
    ended(owners.jobs[Point.STAGED])
    before = owners.picture()
    owners.go_on()
    assert owners.picture() == before
    owners.go.touch()
    job = ended(owners.jobs[Point.CLAIMED])
    assert (job.exitcode, job.claim) == (42, 2)
    assert lines_of(job.pk) == ["mine"]
    assert stored(job.pk) == b"mine\n"
    assert owners.ran == set(owners.jobs.values()) - {owners.jobs[Point.START_COMMITTED]}


@ON_SERVER
def test_a_stopped_executor_holds_nobody_up(live: Live, acme: Company, tmp_path: Path) -> None:
    """Its open transactions lock rows that others need; they are given up for it."""
    owners = Owners(live, acme, tmp_path)
    points = [Point.START_UNCOMMITTED, Point.LINES_UNCOMMITTED, Point.END_UNCOMMITTED]
    owners.leave(*points, by="SIGSTOP")
    rescuer = live.executor("rescuer", **SHORT)
    quick = live.run("exit 0", acme)
    assert ended(quick).status == JobStatus.SUCCESS
    assert running(owners.jobs[Point.START_UNCOMMITTED]).claim == 2
    assert ended(owners.jobs[Point.LINES_UNCOMMITTED]).status == JobStatus.LOST
    assert ended(owners.jobs[Point.END_UNCOMMITTED]).exitcode == 42
    before = owners.picture()
    owners.go_on()
    assert owners.picture() == before
    assert rescuer.is_alive
    owners.go.touch()
    assert ended(owners.jobs[Point.START_UNCOMMITTED]).exitcode == 42
    assert owners.ran == set(owners.jobs.values())
