"""The program as a process of its own, running real jobs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from multiflexi.models import Application, Artifact, AuditEntry, Company, Job, RunTemplate, User
from multiflexi.vault import keyring

ROOT = Path(__file__).resolve().parents[3]
Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(process_environment: dict[str, str]) -> dict[str, str]:
    keyring.ensure_keys()
    return {**process_environment, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def program(environment: dict[str, str]) -> Program:
    """Run the words in a process; `input` is its standard input."""

    def run(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "multiflexi.cli.main", *(str(word) for word in words)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **{"stdin": subprocess.DEVNULL, **options},
        )

    return run


@pytest.fixture
def script(environment: dict[str, str]) -> RunTemplate:
    """A run template whose job says something on both streams and ends with code 3."""
    app = Application.objects.create(
        uuid="33333333-3333-4333-8333-333333333333",
        code="script",
        name="Script",
        executable="/bin/sh",
        cmdparams="-c 'echo out of $API_TOKEN; echo err >&2; exit 3'",
    )
    company = Company.objects.create(name="ACME", slug="acme")
    return RunTemplate.objects.create(app=app, company=company, name="S", complete=True)


def test_run_streams_the_output_and_ends_with_the_code_of_the_job(program: Program, script: RunTemplate) -> None:
    made = json.loads(program("job:create", script.pk, "--env", "API_TOKEN=s3cr3t-word", "-f", "json").stdout)
    done = program("job:run", made["job_id"])
    assert (done.returncode, done.stdout) == (3, "out of ••••••••\n")
    assert "err\n" in done.stderr
    again = program("job:run", made["job_id"], "-f", "json")
    assert (again.returncode, json.loads(again.stdout)["code"]) == (1, "job_not_runnable")
    assert "job:retry" in again.stderr
    stored = b"".join(bytes(one.artifact or b"") for one in Artifact.objects.all())
    assert b"s3cr3t-word" not in stored


def test_run_of_a_run_template_answers_in_json(program: Program, script: RunTemplate) -> None:
    done = program("run", "--template", "S", "-f", "json")
    data = json.loads(done.stdout)
    assert (done.returncode, data["exitcode"], data["status"]) == (3, 3, "failed")
    assert (data["stdout"], data["stderr"]) == ("out of\n", "err\n")
    assert program("job:run", "--template", "S", "--exit-zero", "-q").returncode == 0


def test_process_runs_what_is_due(program: Program, script: RunTemplate) -> None:
    for when in ("now", "now", "+1 hour"):
        assert program("run-template:schedule", script.pk, "--schedule_time", when).returncode == 0
    due = json.loads(program("queue:process", "--dry-run", "-f", "json").stdout)["jobs"]
    assert len(due) == 2
    done = program("queue:process", "--fail-on-job-failure", "-f", "json")
    data = json.loads(done.stdout)
    assert (done.returncode, data["processed"], data["failed"]) == (1, 2, 2)
    assert sorted(one["job_id"] for one in data["jobs"]) == sorted(due)
    assert Job.objects.filter(status="pending").count() == 1
    assert program("queue:process").returncode == 0


def test_an_interrupt_ends_the_job_too(environment: dict[str, str], program: Program, script: RunTemplate) -> None:
    Application.objects.update(cmdparams="-c 'echo begun; sleep 60'")
    process = subprocess.Popen(
        [sys.executable, "-m", "multiflexi.cli.main", "job:run", "--template", "S"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert Job.objects.get().status == "terminated"


def test_two_first_calls_make_one_account(environment: dict[str, str], script: RunTemplate) -> None:
    words = [sys.executable, "-m", "multiflexi.cli.main", "job:create", str(script.pk), "-f", "json"]
    processes = [subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert len({answer["job_id"] for answer in answers}) == 4
    assert User.objects.filter(is_system=False).count() == 1
    assert AuditEntry.objects.filter(entity_type="User").count() == 1


def test_waiting_sees_the_end_that_another_process_brings(
    environment: dict[str, str], program: Program, script: RunTemplate
) -> None:
    words = [sys.executable, "-m", "multiflexi.cli.main", "job:create", str(script.pk), "--wait", "-f", "json"]
    waiting = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not Job.objects.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    program("queue:process")
    answer = json.loads(waiting.communicate(timeout=30)[0])
    assert (waiting.returncode, answer["status"], answer["exitcode"]) == (1, "failed", 3)


def test_the_launcher_of_the_source_tree(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(ROOT / "bin" / "multiflexi-cli"), "status", "-f", "json"],
        env={name: one for name, one in environment.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["python"].startswith("3.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "multiflexi.cli.main", "describe"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert os.strerror(28) in done.stderr


COUNT = """
import sys
from multiflexi.cli.main import main
code = main()
ours = [name for name in sys.modules if name.split('.')[0] == 'multiflexi']
print(code, len(sys.modules), len(ours), 'cryptography' in sys.modules, file=sys.stderr)
"""
# The driver of a server is not counted: SQLite's comes with Python.
MOST_MODULES, MOST_OF_OURS = 530, 80


@pytest.mark.parametrize("words", [["job:list"], ["job:list", "--format=json"]])
def test_a_list_imports_few_modules(environment: dict[str, str], script: RunTemplate, words: list[str]) -> None:
    """Nearly all the time of a short command goes into importing; most of it is Django's own."""
    author = User.objects.technical()
    Job.objects.create(app=script.app, company=script.company, runtemplate=script, launched_by=author, env={"A": "b"})
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *words], env=environment, capture_output=True, text=True, check=False
    )
    code, modules, ours, cryptography = done.stderr.split()
    assert (code, cryptography) == ("0", "False")
    assert int(ours) <= MOST_OF_OURS
    assert int(modules) <= MOST_MODULES or connection.vendor != "sqlite"


def test_a_host_without_room_says_why_nothing_runs(
    environment: dict[str, str], program: Program, script: RunTemplate
) -> None:
    environment["MULTIFLEXI_MIN_FREE_MB"] = "100000000"
    made = json.loads(program("job:create", script.pk, "-f", "json").stdout)
    waited = program("job:run", made["job_id"], "--timeout", 1)
    assert waited.returncode == 124
    assert f"Job {made['job_id']} waits, because this host takes no jobs now: disk: less than" in waited.stderr
    processed = program("queue:process", "-f", "json")
    assert (processed.returncode, json.loads(processed.stdout)["processed"]) == (0, 0)
    assert "This host takes no jobs now: disk" in processed.stderr
    assert Job.objects.get().status == "pending"


def test_a_single_cycle_without_the_right_key_is_a_failure(environment: dict[str, str], script: RunTemplate) -> None:
    for key, said in (
        ("another key, long enough to be one, but wrong", "is wrapped by the master key"),
        ("", "No master key"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "daemons.executor", "--once", "--name", "one"],
            env={**environment, "ENCRYPTION_MASTER_KEY": key},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 78, done.stderr
        assert said in done.stderr.splitlines()[-1]
