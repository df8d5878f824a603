"""The clock of the platform's host steps by hours: limits go by the boot clock, and nobody loses a living job."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from multiflexi.models import Company, Job, JobStatus
from multiflexi.runner.fencing import boot_clock
from tests import needs
from tests.crash.live import Live, ended, running, status, until
from tests.crash.test_executor_crash import ONCE, SLOW, doubled

pytestmark = pytest.mark.slow

HOURS = [2, -2]


class HostClock:
    """The clock that the daemons see, and nobody else."""

    def __init__(self, offset: Path, library: Path) -> None:
        self._offset = offset
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.step(hours=0)

    def step(self, *, hours: int) -> None:
        """Set the clock so many hours off the true time."""
        fresh = self._offset.with_name("fresh")
        fresh.write_text(f"{hours * 3600:+d}\n")
        fresh.replace(self._offset)


@pytest.fixture
def host_clock(live: Live, tmp_path: Path) -> HostClock:
    found = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if found is None:
        needs.missing("libfaketime is not installed")
    clock = HostClock(tmp_path / "offset", found)
    live.environment |= clock.environment
    return clock


@pytest.mark.parametrize("hours", HOURS)
def test_a_time_limit_neither_comes_early_nor_late(
    live: Live, acme: Company, tmp_path: Path, host_clock: HostClock, hours: int
) -> None:
    job_id = live.run(SLOW.format(place=tmp_path), acme, time_limit=6, kill_grace=0)
    before = boot_clock()
    live.executor()
    running(job_id)
    begun = boot_clock()
    host_clock.step(hours=hours)
    job = ended(job_id)
    assert job.status == JobStatus.TIMEOUT
    assert boot_clock() - before >= 6
    assert boot_clock() - begun < 12


@pytest.mark.parametrize("hours", HOURS)
def test_executors_on_one_host_keep_their_jobs(
    live: Live, acme: Company, tmp_path: Path, host_clock: HostClock, hours: int
) -> None:
    """By an embedded database's clock, which is the host's, every lease and fence are over at once."""
    places = [tmp_path / "one", tmp_path / "two"]
    jobs = []
    executors = []
    for place in places:
        place.mkdir()
        jobs.append(live.run(SLOW.format(place=place), acme))
        # One place each, so that each has one of the jobs.
        # One renews less often than the other one looks, so that a look comes first at most of the steps.
        beat = str(2 - len(executors))
        settings = {"MULTIFLEXI_MAX_PARALLEL": "1", "MULTIFLEXI_HEARTBEAT_SECONDS": beat}
        executors.append(live.executor(place.name, **settings))
        running(jobs[-1])
    before = boot_clock()
    until(lambda: boot_clock() - before > 7, "the first looks after others")
    for offset in (hours, 0) * 2:
        before = boot_clock()
        host_clock.step(hours=offset)
        until(lambda: boot_clock() - before > 6.5, "looks after more than a lease")  # noqa: B023
        assert [status(job_id) for job_id in jobs] == [JobStatus.RUNNING] * 2
    for place in places:
        (place / "go").touch()
    ended(*jobs)
    assert [(place / "starts").read_text() for place in places] == [f"{job_id}\n" for job_id in jobs]
    assert {(job.exitcode, job.claim) for job in Job.objects.filter(pk__in=jobs)} == {(42, 1)}
    assert all(executor.is_alive for executor in executors)


@pytest.mark.parametrize("hours", HOURS)
def test_nothing_of_a_schedule_runs_twice(
    live: Live, acme: Company, tmp_path: Path, host_clock: HostClock, hours: int
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    template = live.template(live.app(ONCE.format(place=place)), acme, interv="i", active=True, complete=True)
    template.next_schedule = timezone.now() - timedelta(seconds=1)
    template.save(update_fields=["next_schedule"])
    live.executor()
    live.scheduler()
    until(template.jobs.exists, "the first job")
    for offset in (hours, 0, hours):
        before = boot_clock()
        host_clock.step(hours=offset)
        until(lambda: boot_clock() - before > 3, "some ticks")  # noqa: B023
    jobs = list(template.jobs.order_by("pk"))
    ended(*[job.pk for job in jobs])
    slots = [job.slot for job in jobs]
    assert len(set(slots)) == len(slots)
    # At most what the clock went forward over was missed, and of that only the latest is made up for.
    assert len(jobs) <= 4
    assert doubled(place) == []
    assert {int(path.name) for path in place.iterdir()} == {job.pk for job in jobs}
