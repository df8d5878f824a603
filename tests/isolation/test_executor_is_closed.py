"""No job can read the environment of what started it: executor, one-shot run and supervisor are non-dumpable.

Root may read everything by its capabilities, so they are taken from the programs of these tests; they then are to each
other what processes of one ordinary account are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest

from multiflexi.models import Company, JobStatus
from tests import needs
from tests.crash.live import Live, ended, stored

IS_ROOT = os.geteuid() == 0
WITHOUT_TRACING = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if IS_ROOT else []
CLI = "import sys; from multiflexi.cli.main import main; sys.exit(main(sys.argv[1:]))"
# Looks at its wrapper, which may be read, and at everything above it up to the test itself.
LOOK = """
pid=$PPID; n=0
while [ $pid -ne {stop} ] && [ $pid -gt 1 ]; do
  if cat /proc/$pid/environ >/dev/null 2>&1; then echo $n readable; else echo $n closed; fi
  read -r line </proc/$pid/stat; set -- ${{line##*) }}; pid=$2; n=$((n+1))
done
"""


@pytest.fixture(autouse=True)
def setpriv() -> None:
    if IS_ROOT and shutil.which("setpriv") is None:
        needs.missing("setpriv is not installed")


def look(live: Live, company: Company) -> int:
    return live.run(LOOK.format(stop=os.getpid()), company)


def start(live: Live, *words: str, **settings: str) -> subprocess.Popen[bytes]:
    environment = live.environment | settings
    return subprocess.Popen([*WITHOUT_TRACING, sys.executable, *words], env=environment)


def seen(job_id: int) -> Sequence[bytes]:
    assert ended(job_id).status == JobStatus.SUCCESS
    return stored(job_id).splitlines()


@pytest.mark.parametrize(("words", "levels_above"), [(["daemons.executor", "--daemon"], 1), (["daemons.all"], 2)])
def test_a_job_cannot_look_into_a_daemon(live: Live, acme: Company, words: list[str], levels_above: int) -> None:
    job_id = look(live, acme)
    daemon = start(live, "-m", *words)
    try:
        assert seen(job_id) == [b"0 readable", b"1 closed", b"2 closed"][: levels_above + 1]
    finally:
        daemon.terminate()
        daemon.wait(30)


def test_a_job_cannot_look_into_a_one_shot_run(live: Live, acme: Company) -> None:
    job_id = look(live, acme)
    assert start(live, "-c", CLI, "job:run", str(job_id)).wait(60) == 0
    assert seen(job_id) == [b"0 readable", b"1 closed"]
