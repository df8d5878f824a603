"""The demonstration, as `make demo` runs it and with its executor killed in the middle."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo" / "demo.py"
STARTS = re.compile(r"the executor local starts, .* process (\d+)")
SLOW_SECONDS = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(os.environ.get("TEST_DATABASE_URL")), reason="the demonstration brings its own SQLite, once is enough"
    ),
]


def _demo(state: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", str(DEMO), "--state", str(state), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_demonstration_proves_its_figures(tmp_path: Path):
    with _demo(tmp_path / "demo") as demo:
        shown, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, shown
    assert "ACME: 2 statements and 21 rows agree" in shown
    assert stat.S_IMODE((tmp_path / "demo" / "daemons.log").stat().st_mode) == 0o600
    assert "Globex: 4 statements and 12 rows agree" in shown


def test_jobs_of_a_killed_executor_end_well_and_were_started_once(tmp_path: Path):
    state = tmp_path / "demo"
    with _demo(state, "--slow", str(SLOW_SECONDS)) as demo:
        assert demo.stdout
        shown = []
        for line in demo.stdout:
            shown.append(line)
            if "of ACME: running" in line:
                os.kill(_executors(state)[-1], signal.SIGKILL)
        demo.wait(300)
    assert demo.returncode == 0, "".join(shown)
    assert len(_executors(state)) == 2
    assert "ACME: started exactly once" in "".join(shown)


def _executors(state: Path) -> list[int]:
    return [int(found) for found in STARTS.findall((state / "daemons.log").read_text())]
