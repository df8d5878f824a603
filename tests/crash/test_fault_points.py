"""An executor that is killed at every point it comes past, and what becomes of its jobs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from multiflexi.faults import Point
from multiflexi.models import Company, Job, JobHistory, JobStatus, Overlap
from tests.crash.live import ON_SERVER, Daemon, Live, cut_connections, until
from tests.crash.test_executor_crash import ONCE, check_ledger

# Jobs wait for the file `go` in the midst of their output, so that a point between start and end is reached surely.
SCRIPT = (
    ONCE
    + "for n in 1 2 3 4 5; do echo $n; done; while [ ! -e {go} ]; do sleep 0.02; done\n"
    + "for n in 6 7 8 9; do echo $n; done; exit $(( $MULTIFLEXI_JOB_ID % 5 ))"
)
BEFORE_THE_END = list(Point)[: list(Point).index(Point.ENDED)]


class Setting:
    """Run templates that allow several jobs at once, that serialise them, and that retry them; one job of each."""

    def __init__(self, live: Live, acme: Company, root: Path) -> None:
        self.live, self.go, self.place = live, root / "go", root / "place"
        self.place.mkdir()
        script = SCRIPT.format(place=self.place, go=self.go)
        # One leaves little and ends in one step, the other leaves a file and passes `finishing`.
        app, leaves_a_file = live.app(script), live.app(": > left\n" + script)
        self.templates = [
            live.template(app, acme),
            live.template(leaves_a_file, acme),
            live.template(app, acme, overlap=Overlap.QUEUE_ONE),
            live.template(app, acme, max_retries=2, retry_delay=0),
        ]
        self.jobs = [live.job(template) for template in self.templates]

    def executor_hit_at(self, point: Point, by: str = "SIGKILL") -> Daemon:
        """An executor that took the signal at the point; jobs go on by then, or before if the point lies behind."""
        if point not in BEFORE_THE_END:
            self.go.touch()
        daemon = self.live.executor_hit_at(point, by)
        self.go.touch()
        return daemon

    def check_all(self) -> list[int]:
        """Ids of all jobs, retries included, when none is left to run and all of them are as they should be."""
        jobs = Job.objects.filter(runtemplate__in=self.templates)
        until(lambda: all(JobStatus(state).is_final for state in jobs.values_list("status", flat=True)), "the end")
        ids = list(jobs.values_list("pk", flat=True))
        check_ledger(self.live, ids, self.place)
        tries = self.templates[-1].jobs.order_by("pk")
        assert [one.attempt for one in tries] == list(range(1, len(tries) + 1))
        assert [one.retry_of_id for one in tries] == [None, *[one.pk for one in tries][:-1]]
        assert len(tries) == 3 or tries[len(tries) - 1].exitcode == 0
        return ids


@pytest.mark.parametrize("point", [point for point in Point if point != Point.ADOPTED])
def test_a_killed_executor_and_its_successor(live: Live, acme: Company, tmp_path: Path, point: Point) -> None:
    setting = Setting(live, acme, tmp_path)
    setting.executor_hit_at(point)
    live.executor()
    jobs = setting.check_all()
    # Only what was committed and provably not started may go back from `running`.
    undone = JobHistory.objects.filter(job_id__in=jobs, reason="start_undone")
    assert undone.exists() == (point in (Point.START_COMMITTED, Point.SPAWNED))


@ON_SERVER
@pytest.mark.parametrize("point", [point for point in Point if point != Point.ADOPTED])
def test_connections_that_are_cut_at_a_point(live: Live, acme: Company, tmp_path: Path, point: Point) -> None:
    """The executor itself lives on and has to find out by the rows how far it came."""
    setting = Setting(live, acme, tmp_path)
    daemon = setting.executor_hit_at(point, "SIGSTOP")
    assert cut_connections()
    daemon.ask(signal.SIGCONT)
    setting.check_all()
    assert daemon.is_alive


@pytest.mark.parametrize("point", [Point.START_COMMITTED, Point.SPAWNED, Point.STAGED])
def test_a_successor_that_is_killed_while_it_adopts(live: Live, acme: Company, tmp_path: Path, point: Point) -> None:
    setting = Setting(live, acme, tmp_path)
    setting.executor_hit_at(point)
    setting.executor_hit_at(Point.ADOPTED)
    live.executor()
    setting.check_all()
