"""`multiflexi-executor -j` and `-r` as processes: one job, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from multiflexi.models import (
    AuditEntry,
    Availability,
    Company,
    Executor,
    Job,
    JobStatus,
    RunTemplate,
    ScheduleType,
    Worker,
)
from tests.acceptance.test_executor import credential
from tests.crash.live import ROOT, Live, running, status, until

MODULE = [sys.executable, "-m", "daemons.executor"]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def program(live: Live) -> Program:
    """Run the program with these words; a keyword in capitals is a variable of its environment."""

    def run(*words: object, command: list[str] = MODULE, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *map(str, words)],
            cwd=ROOT,
            env=live.environment | {"RUNTEMPLATE_WAIT_POLL": "1"} | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=90,
        )

    return run


@pytest.fixture
def begin(live: Live) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the program and go on."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*MODULE, *map(str, words)],
            cwd=ROOT,
            env=live.environment | {"RUNTEMPLATE_WAIT_POLL": "1"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def speaking(live: Live, company: Company, **fields: Any) -> RunTemplate:
    """It says something on both streams and ends with code 3."""
    app = live.app('echo "out of $GREETING, $MONTH"; echo err >&2; exit 3')
    for name in ("GREETING", "MONTH"):
        app.fields.create(keyname=name, type="string", defval="nothing")
    return live.template(app, company, complete=True, **fields)


class TestWithoutAMode:
    def test_tells_how_to_use_it(self, program: Program) -> None:
        done = program()
        assert (done.returncode, done.stdout) == (1, "")
        assert "usage: multiflexi-executor" in done.stderr
        assert "--runtemplate" in done.stderr

    def test_the_setting_of_the_daemons_is_a_mode(self, live: Live, acme: Company, program: Program) -> None:
        job_id = live.run("exit 0", acme)
        assert program(MULTIFLEXI_DAEMONIZE="0").returncode == 0
        assert status(job_id) == JobStatus.SUCCESS

    @pytest.mark.parametrize("name", ["multiflexi-executor", "multiflexi-run-template"])
    def test_the_programs_of_the_source_tree_know_their_names(self, program: Program, name: str) -> None:
        done = program(command=[str(ROOT / "bin" / name)])
        assert done.returncode == 1
        assert f"usage: {name}" in done.stderr

    def test_an_unusable_setting_is_named(self, program: Program) -> None:
        for words in ((), ("-j", 1), ("-r", 1)):
            done = program(*words, RUNTEMPLATE_WAIT_POLL="soon")
            assert (done.returncode, len(done.stderr.splitlines())) == (78, 1)
            assert "RUNTEMPLATE_WAIT_POLL" in done.stderr


class TestJob:
    def test_gives_output_and_exit_code(self, live: Live, acme: Company, program: Program) -> None:
        job_id = live.job(speaking(live, acme))
        done = program("-j", job_id)
        assert (done.returncode, done.stdout) == (3, "out of nothing, nothing\n")
        assert "err\n" in done.stderr
        job = Job.objects.get(pk=job_id)
        assert (job.status, job.exitcode, job.worker.role) == (JobStatus.FAILED, 3, "inline")
        again = program("-j", job_id)
        assert again.returncode == 1
        assert "job:retry" in again.stderr

    def test_is_named_in_every_spelling(self, live: Live, acme: Company, program: Program) -> None:
        template = speaking(live, acme)
        for words in (("-j{}",), ("-j={}",), ("--job={}",), ("--job", "{}")):
            done = program(*(word.format(live.job(template)) for word in words))
            assert done.returncode == 3, (words, done.stderr)
        assert program(JOB_ID=str(live.job(template))).returncode == 3

    @pytest.mark.parametrize("key", ["another secret of forty characters at all", ""], ids=["wrong", "missing"])
    @pytest.mark.parametrize("words", [["-j"], ["job:run"], ["queue:process"]], ids=lambda words: words[0])
    def test_does_not_wait_for_a_master_key(
        self, live: Live, acme: Company, program: Program, words: list[str], key: str
    ) -> None:
        job_id = live.job(live.template(live.app("echo started"), acme))
        if words[0] == "-j":
            done = program("-j", job_id, ENCRYPTION_MASTER_KEY=key)
        else:
            number = [job_id] if words[0] == "job:run" else []
            command = [sys.executable, "-m", "multiflexi.cli.main"]
            done = program(*words, *number, command=command, ENCRYPTION_MASTER_KEY=key)
        assert (done.returncode, done.stdout) == (78, "")
        assert "ENCRYPTION_MASTER_KEY" in done.stderr and done.stderr.count("\n") == 1
        assert status(job_id) == JobStatus.PENDING

    def test_unknown_is_refused(self, program: Program) -> None:
        for words in (("-j", 987654321), ("-j", "many"), ("-r", 987654321)):
            done = program(*words)
            assert (done.returncode, done.stdout) == (1, "")
            assert "not found" in done.stderr

    def test_of_the_future_is_run_now(self, live: Live, acme: Company, program: Program) -> None:
        job_id = live.job(speaking(live, acme), after=timezone.now() + timedelta(hours=1))
        assert program("-j", job_id).returncode == 3
        assert AuditEntry.objects.filter(action="update", entity_id=str(job_id)).exists()

    def test_that_a_credential_keeps_from_running(self, live: Live, acme: Company, program: Program) -> None:
        template = speaking(live, acme)
        template.assigned_credentials.create(credential=credential(acme, record_offset=1))
        done = program("-j", live.job(template))
        assert (done.returncode, done.stdout) == (75, "")
        assert "blocked" in done.stderr

    def test_that_waits_for_a_credential(self, live: Live, acme: Company, program: Program) -> None:
        template, needed = speaking(live, acme), credential(acme)
        needed.availability, needed.availability_message = Availability.UNAVAILABLE, "closed"
        needed.check_valid_until = timezone.now() + timedelta(hours=1)
        needed.save()
        template.assigned_credentials.create(credential=needed)
        job_id = live.job(template)
        done = program("-j", job_id)
        assert (done.returncode, done.stdout, status(job_id)) == (75, "", JobStatus.PENDING)
        assert "closed" in done.stderr

    def test_takes_no_overrides(self, live: Live, acme: Company, program: Program) -> None:
        job_id = live.job(speaking(live, acme))
        assert program("-j", job_id, "-E", "GREETING=x").returncode == 1
        assert status(job_id) == JobStatus.PENDING

    def test_lines_come_while_it_runs_and_ctrl_c_ends_it(self, live: Live, acme: Company, begin: Any) -> None:
        job_id = live.run("trap 'echo told; exit 5' TERM; echo begun; while :; do sleep 0.05; done", acme)
        process = begin("-j", job_id)
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        out, _err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "told\n")
        assert status(job_id) == JobStatus.TERMINATED
        until(lambda: not list(live.spool.glob("*")), "the removal of its spool")
        assert Worker.objects.get(role="inline").state == "stopped"


class TestOutput:
    def test_of_any_length_is_complete(self, live: Live, acme: Company, program: Program, tmp_path: Path) -> None:
        """Of more than a few MiB the live lines keep only both ends."""
        template = live.template(live.app("seq 1 900000"), acme)
        expected = "".join(f"{number}\n" for number in range(1, 900001))
        assert program("-j", live.job(template)).stdout == expected
        file = tmp_path / "out"
        done = program("-j", live.job(template), "-o", file)
        assert (done.returncode, done.stdout) == (0, "")
        assert file.read_text() == expected

    def test_of_any_bytes_goes_into_a_file(self, live: Live, acme: Company, program: Program, tmp_path: Path) -> None:
        data = bytes(range(256)) * 300 + b"a\r\nb\rc\n\n\0end"
        source = tmp_path / "data"
        source.write_bytes(data)
        template = live.template(live.app(f"cat {source}; echo note >&2"), acme)
        file = tmp_path / "out"
        done = program("-j", live.job(template), RESULT_FILE=str(file))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "note\n")
        assert file.read_bytes() == data

    def test_that_is_no_text_comes_from_the_artifact(
        self, live: Live, acme: Company, tmp_path: Path, begin: Any
    ) -> None:
        data = b"plain\n" + bytes(range(128, 256)) + b"\n" + b"x" * 40_000
        source = tmp_path / "data"
        source.write_bytes(data)
        process = begin("-j", live.run(f"cat {source}; sleep 1", acme))
        assert process.stdout.buffer.read() == data
        assert process.wait(60) == 0

    def test_file_that_cannot_be_written(self, live: Live, acme: Company, program: Program) -> None:
        template = speaking(live, acme)
        done = program("-r", template.pk, "-o", "/nowhere/at/all")
        assert done.returncode == 1
        assert "/nowhere/at/all" in done.stderr
        assert not template.jobs.exists()

    def test_secrets_are_masked(self, live: Live, acme: Company, program: Program) -> None:
        app = live.app('echo "token $TOKEN"')
        app.fields.create(keyname="TOKEN", type="secret", secret=True)
        template = live.template(app, acme, complete=True)
        live.executor()
        done = program("-r", template.pk, "-E", "TOKEN=hunter2-and-a-bit", "-t", "60")
        assert (done.returncode, done.stdout) == (0, "token ••••••••\n")
        assert "hunter2" not in done.stderr
        assert "TOKEN" in done.stderr


class TestRunTemplate:
    def test_is_run_by_an_executor(self, live: Live, acme: Company, program: Program) -> None:
        template = speaking(live, acme)
        live.executor()
        given = json.dumps({"GREETING": "json", "MONTH": 7})
        done = program("-r", template.pk, f"--env-json={given}", "-E", "GREETING=the word", "-t60")
        assert (done.returncode, done.stdout) == (3, "out of the word, 7\n")
        assert "err\n" in done.stderr
        job = template.jobs.get()
        assert (job.schedule_type, job.executor, job.worker.role) == (ScheduleType.ADHOC, Executor.NATIVE, "executor")

    def test_streams_while_the_job_runs(self, live: Live, acme: Company, begin: Any, tmp_path: Path) -> None:
        flag = tmp_path / "go"
        os.mkfifo(flag)
        template = live.template(live.app(f"echo begun; read line < {flag}; echo $line"), acme, complete=True)
        live.executor()
        process = begin("--runtemplate", template.pk, "--timeout=0")
        assert process.stdout.readline() == "begun\n"
        flag.write_text("ended\n")
        assert process.stdout.read() == "ended\n"
        assert process.wait(60) == 0

    def test_is_not_waited_for_too_long(self, live: Live, acme: Company, program: Program) -> None:
        template = speaking(live, acme)
        for words, variables in ((("-t", "0.5"), {}), ((), {"RUNTEMPLATE_WAIT_TIMEOUT": "0.5"})):
            done = program("-r", template.pk, *words, **variables)
            assert (done.returncode, done.stdout) == (124, "")
            assert "goes on" in done.stderr
        assert set(template.jobs.values_list("status", flat=True)) == {JobStatus.PENDING}

    def test_goes_on_after_ctrl_c(self, live: Live, acme: Company, begin: Any, tmp_path: Path) -> None:
        flag = tmp_path / "go"
        os.mkfifo(flag)
        template = live.template(live.app(f"echo begun; read line < {flag}"), acme, complete=True)
        live.executor()
        process = begin(RUNTEMPLATE_ID=str(template.pk))
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=60)
        job = template.jobs.get()
        assert process.returncode == 130
        assert f"job:stop {job.pk}" in err
        assert running(job.pk)
        flag.write_text("\n")
        until(lambda: status(job.pk) == JobStatus.SUCCESS, "the end of the job")

    @pytest.mark.parametrize(
        "words",
        [
            ("-E", "s3cr3t-word"),
            ("-E", "=s3cr3t-word"),
            ("--env-json", '{"A": s3cr3t-word}'),
            ("--env-json", '["s3cr3t-word"]'),
            ("--env-json", '{"A": ["s3cr3t-word"]}'),
            ("-t", "soon"),
            ("-t", "-1"),
        ],
    )
    def test_malformed_words_are_refused(
        self, live: Live, acme: Company, program: Program, words: tuple[str, ...]
    ) -> None:
        template = speaking(live, acme)
        done = program("-r", template.pk, *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "s3cr3t-word" not in done.stderr
        assert not template.jobs.exists()
