"""An owner that nobody hears of any more ends in time what others may repeat, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection  # noqa: F401 - the conditions of the marks look at it here

from multiflexi.executors.contract import Ended, Handle
from multiflexi.executors.native import process
from multiflexi.jobs import renewal
from multiflexi.jobs.renewal import Renewal
from multiflexi.models import Company, FailureReason, JobStatus
from multiflexi.runner import fencing
from multiflexi.runner.fencing import Fence
from tests.crash.live import EMBEDDED, ON_SERVER, Gate, Live, ended, running, until
from tests.crash.native_jobs import Lab, first_line, spool_of
from tests.crash.test_database_away import locked_file
from tests.crash.test_executor_crash import SLOW

LEASE, FENCE, MARGIN = 60.0, 100, 25.0
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


class Clock:
    def __init__(self) -> None:
        self.seconds = fencing.boot_clock()

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lab(tmp_path: Path, settings: object) -> Iterator[Lab]:
    settings.MULTIFLEXI_FENCE_SECONDS = FENCE  # type: ignore[attr-defined]
    settings.MULTIFLEXI_KILL_GRACE = 0  # type: ignore[attr-defined]
    made = Lab(tmp_path)
    yield made
    made.close()


def job(lab: Lab, *, retryable: bool) -> Handle:
    handle = lab.start("/bin/sh", "-c", DEAF)
    spool_of(handle).write_spec(
        {"executor": "Native", "name": handle["name"], "job_dir": handle["job_dir"], "retryable": retryable}
    )
    assert first_line(handle) == "ready"
    return handle


def check_until_quiet(fence: Fence) -> None:
    until(lambda: fence.check() >= 1, "the end of what has to be ended")


def pass_(clock: Clock, fence: Fence, seconds: float) -> None:
    """Time passes while the guard checks as often as it wants to."""
    end = clock.seconds + seconds
    while clock.seconds < end:
        clock.seconds = min(end, clock.seconds + max(fence.check(), 0.1))


def test_retryable_jobs_are_ended_in_time_and_others_run_on(lab: Lab, clock: Clock) -> None:
    once, again = job(lab, retryable=False), job(lab, retryable=True)
    fence = Fence(lab.spool, clock)
    fence.renewed(fence.now(), LEASE)
    pass_(clock, fence, LEASE + FENCE - MARGIN - 0.5)
    assert lab.native.poll(again) is None
    clock.seconds += 0.6
    check_until_quiet(fence)
    found = lab.end(again)
    assert isinstance(found, Ended)
    assert found.kill_note is not None
    assert (found.kill_note.reason, found.kill_note.detail) == ("terminated", FailureReason.CUT_OFF)
    assert lab.native.poll(once) is None


def test_every_renewal_moves_the_fence(lab: Lab, clock: Clock) -> None:
    again = job(lab, retryable=True)
    fence = Fence(lab.spool, clock)
    for _ in range(5):
        fence.renewed(fence.now(), LEASE)
        pass_(clock, fence, LEASE)
    assert lab.native.poll(again) is None


def test_the_next_process_knows_the_fence_from_the_spool(lab: Lab, clock: Clock) -> None:
    again = job(lab, retryable=True)
    before = Fence(lab.spool, clock)
    before.renewed(before.now(), LEASE)
    clock.seconds += LEASE
    fence = Fence(lab.spool, clock)
    pass_(clock, fence, FENCE - MARGIN - 0.5)
    assert lab.native.poll(again) is None
    clock.seconds += 0.6
    check_until_quiet(fence)
    assert isinstance(lab.end(again), Ended)


@pytest.mark.parametrize("wakes", ["restarted", "suspended"])
def test_who_was_away_for_long_gets_time_to_reach_the_database(lab: Lab, clock: Clock, wakes: str) -> None:
    again = job(lab, retryable=True)
    fence = Fence(lab.spool, clock)
    fence.renewed(fence.now(), LEASE)
    fence.check()
    clock.seconds += 10 * FENCE
    if wakes == "restarted":
        fence = Fence(lab.spool, clock)
    pass_(clock, fence, MARGIN - 0.5)
    assert lab.native.poll(again) is None
    clock.seconds += 0.6
    check_until_quiet(fence)
    assert isinstance(lab.end(again), Ended)


def test_a_detach_is_honoured_until_it_is_shortened(lab: Lab, clock: Clock) -> None:
    again = job(lab, retryable=True)
    fence = Fence(lab.spool, clock)
    fence.renewed(fence.now(), 86400)
    fence.shortened(fence.now(), 10**6)
    pass_(clock, fence, 86000)
    assert lab.native.poll(again) is None
    fence.shortened(fence.now(), LEASE)
    pass_(clock, fence, LEASE + FENCE)
    check_until_quiet(fence)
    assert isinstance(lab.end(again), Ended)


def test_another_boot_fences_nothing(lab: Lab, clock: Clock) -> None:
    again = job(lab, retryable=True)
    renewal.note(lab.spool.renewed, Renewal("00000000-0000-0000-0000-000000000000:1", 0.0, LEASE))
    fence = Fence(lab.spool, clock)
    pass_(clock, fence, 10 * FENCE)
    assert lab.native.poll(again) is None


# Real executors

SHORT = {"MULTIFLEXI_FENCE_SECONDS": "8", "MULTIFLEXI_KILL_GRACE": "1"}


@pytest.fixture
def gate() -> Iterator[Gate]:
    way = Gate()
    yield way
    way.shut()


def two_jobs(live: Live, acme: Company, place: Path) -> tuple[int, int]:
    """A job that is not to be repeated, and one that may be."""
    for name in ("once", "again"):
        (place / name).mkdir()
    once = live.run(SLOW.format(place=place / "once"), acme)
    again = live.run(SLOW.format(place=place / "again"), acme, max_retries=1, retry_delay=3600)
    return once, again


@ON_SERVER
@pytest.mark.slow
@pytest.mark.parametrize("restarted", [False, True])
def test_cut_off_from_the_database(live: Live, acme: Company, tmp_path: Path, gate: Gate, restarted: bool) -> None:
    once, again = two_jobs(live, acme, tmp_path)
    ways = SHORT | {"DB_PORT": str(gate.port)}
    daemon = live.executor(**ways)
    first, second = running(once), running(again)
    gate.shut()
    begun = fencing.boot_clock()
    if restarted:
        daemon.crash()
        daemon = live.daemon("daemons.executor", "--daemon", "--name", "one", **ways)
    until((Path(str(second.spool_path)) / "exit").exists, "the end of the job that may be repeated")
    # Lease and fence end 13 s after a renewal that was at most a heartbeat old; the job lived until shortly before.
    assert 8 < fencing.boot_clock() - begun < 13
    assert second.pid
    assert first.pid
    wrapper = process.look(first.pid)
    assert wrapper is not None
    assert not wrapper.dead
    (tmp_path / "once" / "go").touch()
    gate.open()
    assert ended(once).exitcode == 42
    job = ended(again)
    assert (job.status, job.failure_reason) == (JobStatus.TERMINATED, FailureReason.CUT_OFF)
    assert job.runtemplate is not None
    assert job.runtemplate.jobs.filter(retry_of=job).count() == 1
    assert daemon.is_alive


@EMBEDDED
@pytest.mark.slow
def test_a_file_that_cannot_be_written_for_long(live: Live, acme: Company, tmp_path: Path) -> None:
    once, again = two_jobs(live, acme, tmp_path)
    live.executor(**SHORT)
    running(once)
    directory = Path(str(running(again).spool_path))
    with locked_file():
        until((directory / "exit").exists, "the end of the job that may be repeated")
    (tmp_path / "once" / "go").touch()
    assert ended(once).exitcode == 42
    assert ended(again).failure_reason == FailureReason.CUT_OFF


def test_who_reaches_the_database_ends_nothing(live: Live, acme: Company, tmp_path: Path) -> None:
    """Lease, fence and margin are over several times, but the leases are renewed."""
    _, again = two_jobs(live, acme, tmp_path)
    live.executor(MULTIFLEXI_FENCE_SECONDS="1", MULTIFLEXI_KILL_GRACE="0")
    job = running(again)
    lines = job.output_lines.count
    until(lambda: lines() > 300, "output for more than lease and fence")
    (tmp_path / "again" / "go").touch()
    assert ended(again).exitcode == 42
