"""The measurements measure: small runs of them on the database of the tests end with right results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

pytestmark = [pytest.mark.slow, pytest.mark.every_database]
ROOT = Path(__file__).resolve().parents[2]
URLS = {"pgsql": "TEST_PG_URL", "mysql": "TEST_MYSQL_URL"}
SECONDS = 240


def measured(kind: str, environment: dict[str, str], *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench", *words, "--db", kind]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout)


@pytest.fixture
def kind() -> str:
    return {"postgresql": "pgsql", "mysql": "mysql"}.get(connection.vendor, "sqlite")


@pytest.fixture
def environment(kind: str, tmp_path: Path) -> dict[str, str]:
    """A measurement finds its server by a variable of the test run, and makes a database of its own there."""
    server = {URLS[kind]: os.environ["TEST_DATABASE_URL"]} if kind in URLS else {}
    return os.environ | server | {"TMPDIR": str(tmp_path)}


def test_trivial_jobs(kind, environment, tmp_path):
    found = measured(kind, environment, "b1", "--jobs", "20", "--rounds", "1", "--only", "executor,floor,wrapped,bare")
    assert found["correct"]
    assert found["figures"]["executor"]["jobs_per_second"] > 0
    assert ("floor" in found["figures"]) == (kind == "pgsql")
    assert {target["verdict"] for target in found["targets"]} <= {"reached", "missed", "not measured"}
    assert not list(tmp_path.iterdir()), "a measurement leaves nothing behind"


def test_run_templates_that_are_due(kind, environment):
    found = measured(kind, environment, "b2", "--jobs", "200", "--quick")
    assert found["correct"]
    checked = {check["what"] for check in found["checks"]}
    assert {"all_due, round 0: one of the jobs for each slot", "bare_sql, round 0: no other jobs"} <= checked


def test_large_output(kind, environment):
    found = measured(kind, environment, "b4", "--jobs", "3", "--quick")
    assert found["correct"]
    assert found["figures"]["bytes"] > 3_000_000
