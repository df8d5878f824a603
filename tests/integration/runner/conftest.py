"""Cycles of an executor that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from multiflexi.jobs.spool import Spool
from multiflexi.models import WorkerRole
from multiflexi.runner.cycle import Cycle
from tests.crash.live import until

Make = Callable[..., Cycle]


@pytest.fixture
def make(tmp_path: Path, settings: object) -> Iterator[Make]:
    """Makes a started cycle; everything that still runs at the end of the test is killed."""
    settings.MULTIFLEXI_TMP = tmp_path / "tmp"  # type: ignore[attr-defined]
    settings.MULTIFLEXI_SPOOL = tmp_path / "spool"  # type: ignore[attr-defined]
    settings.MULTIFLEXI_MIN_FREE_MB = 0  # type: ignore[attr-defined]
    settings.MULTIFLEXI_KILL_GRACE = 0  # type: ignore[attr-defined]
    made: list[Cycle] = []
    with Spool(tmp_path / "spool", "one") as spool:

        def make(places: int) -> Cycle:
            made.append(Cycle(WorkerRole.EXECUTOR, "one", spool, places=places))
            made[-1].start()
            return made[-1]

        yield make
        for one in made:
            one.stop_claiming()
            one.kill_all(why="the test is over")
            until(lambda one=one: one.run_once() is not None and not one.busy, "the end of all jobs")
            one.wait_for_removal()
