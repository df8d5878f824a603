"""The executor as a process: what becomes of jobs that end in every way there is."""

from __future__ import annotations

import re
import signal
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from multiflexi.executors.native import process
from multiflexi.jobs.lifecycle import Move, move
from multiflexi.models import (
    Company,
    CompanyEnv,
    Credential,
    CredentialType,
    CredentialValue,
    FailureReason,
    Job,
    JobHistory,
    JobStatus,
    Overlap,
    QueueEntry,
    StopLevel,
    Worker,
)
from multiflexi.services import job_stop
from multiflexi.vault import envelope
from tests.crash.live import NEVER_ENDS, WAIT, Live, ended, lines_of, path_through, running, status, stored, until

HIDDEN = "hunter2-and-a-bit"


def test_the_exit_code_decides(live: Live, acme: Company) -> None:
    jobs = {code: live.run(f"exit {code}", acme) for code in (0, 1, 3, 126, 255)}
    live.executor()
    ended(*jobs.values())
    for code, job_id in jobs.items():
        job = Job.objects.get(pk=job_id)
        assert (job.status, job.exitcode) == (JobStatus.SUCCESS if code == 0 else JobStatus.FAILED, code)
        assert (job.exit_signal, job.failure_reason) == (None, None)


def test_what_cannot_be_executed_is_not_started(live: Live, acme: Company, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    jobs = {
        127: live.job(live.template(live.app("", executable=str(tmp_path / "absent")), acme)),
        126: live.job(live.template(live.app("", executable=str(plain)), acme)),
    }
    live.executor()
    ended(*jobs.values())
    for code, job_id in jobs.items():
        job = Job.objects.get(pk=job_id)
        assert (job.status, job.exitcode, job.failure_reason) == (JobStatus.FAILED, code, FailureReason.START_FAILED)
        assert (job.pid, job.begin) == (None, None)
        assert path_through(job_id) == ["pending", "queued", "failed"]
        assert str(job.app.executable) in job.reason_detail


def test_impossible_executables_hold_nobody_up(live: Live, acme: Company) -> None:
    impossible = ["x" * 255, f"/{'y' * 254}", "line\nbreak", "/etc/passwd/below"]
    culprits = [live.job(live.template(live.app("", executable=word), acme)) for word in impossible]
    neighbour = live.run("exit 0", acme)
    live.executor()
    assert ended(*culprits, neighbour).status == JobStatus.SUCCESS
    ends = Job.objects.filter(pk__in=culprits).values_list("status", "exitcode").distinct()
    assert list(ends) == [(JobStatus.FAILED, 127)]


def test_a_command_that_is_too_long_ends_its_job_only(live: Live, acme: Company) -> None:
    template = live.template(live.app("exit 0"), acme)
    CompanyEnv.objects.create(company=acme, keyword="HUGE", value="h" * 3_000_000)
    culprit = live.job(template)
    live.executor()
    job = ended(culprit)
    assert (job.status, job.exitcode, job.failure_reason) == (JobStatus.FAILED, 255, FailureReason.START_FAILED)
    assert "longer than the system allows" in job.reason_detail


def test_death_by_a_signal_is_told(live: Live, acme: Company) -> None:
    jobs = {number: live.run(f"kill -{number} $$", acme) for number in (9, 11, 15)}
    live.executor()
    ended(*jobs.values())
    for number, job_id in jobs.items():
        job = Job.objects.get(pk=job_id)
        assert (job.status, job.exitcode, job.exit_signal) == (JobStatus.FAILED, 128 + number, number)


def test_the_time_limit_ends_the_whole_tree(live: Live, acme: Company, tmp_path: Path) -> None:
    script = f"""
    trap '' TERM
    (trap '' TERM; setsid sh -c 'trap "" TERM; echo $$ > {tmp_path}/far; while :; do sleep 0.1; done') &
    echo $$ > {tmp_path}/near
    echo started
    while :; do sleep 0.1; done
    """
    job_id = live.run(script, acme, time_limit=1, kill_grace=1)
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode, job.failure_reason) == (JobStatus.TIMEOUT, 124, FailureReason.TIMEOUT)
    assert timedelta(seconds=2) <= job.end - job.begin < timedelta(seconds=8)
    assert stored(job_id) == b"started\n"
    for name in ("near", "far"):
        found = process.look(int((tmp_path / name).read_text()))
        assert found is None or found.dead


def test_too_much_output_ends_the_job(live: Live, acme: Company) -> None:
    job_id = live.run("while :; do echo 0123456789012345678901234567890123456789; done", acme, output_limit_mb=1)
    live.executor()
    job = ended(job_id)
    assert (job.status, job.failure_reason) == (JobStatus.TERMINATED, FailureReason.OUTPUT_LIMIT)
    assert stored(job_id).startswith(b"0123456789")


def test_a_missing_value_is_named(live: Live, acme: Company) -> None:
    app = live.app("exit 0")
    for name in ("FIRST", "SECOND"):
        app.fields.create(keyname=name, required=True)
    job_id = live.job(live.template(app, acme))
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode, job.failure_reason) == (JobStatus.FAILED, 255, FailureReason.START_FAILED)
    assert "FIRST, SECOND" in job.reason_detail
    assert path_through(job_id) == ["pending", "queued", "failed"]


def credential(company: Company, *, record_offset: int = 0) -> Credential:
    kind = CredentialType.objects.create(name="Bank", company=company)
    owned = Credential.objects.create(name="At the bank", company=company, credential_type=kind)
    value = CredentialValue.objects.create(credential=owned, name="BANK_TOKEN", is_encrypted=True)
    value.value = envelope.seal(
        HIDDEN,
        key="credentials",
        table="credata",
        field="value",
        record=value.pk + record_offset,
        company_id=company.pk,
    )
    value.save()
    return owned


def test_a_credential_that_does_not_decrypt_blocks(live: Live, acme: Company) -> None:
    template = live.template(live.app("exit 0"), acme, max_retries=3)
    template.assigned_credentials.create(credential=credential(acme, record_offset=1))
    job_id = live.job(template)
    live.executor()
    job = ended(job_id)
    assert (job.status, job.exitcode) == (JobStatus.BLOCKED, None)
    assert job.failure_reason == FailureReason.CREDENTIAL_MISCONFIGURED
    assert "BANK_TOKEN" in job.reason_detail
    assert (job.begin, template.jobs.count()) == (None, 1)


def test_a_serialised_run_template_runs_one_job_at_a_time(live: Live, acme: Company, tmp_path: Path) -> None:
    script = f"mkdir {tmp_path}/alone || exit 9; sleep 0.05; rmdir {tmp_path}/alone"
    template = live.template(live.app(script), acme, overlap=Overlap.QUEUE_ONE)
    jobs = [live.job(template) for _ in range(8)]
    live.executor("one")
    live.executor("two")
    ended(*jobs)
    assert set(Job.objects.filter(pk__in=jobs).values_list("exitcode", flat=True)) == {0}
    template.refresh_from_db()
    assert (template.successfull_jobs_count, template.running_job) == (8, None)


def test_parallel_jobs_run_at_the_same_time_up_to_the_cap(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    template = live.template(live.app(WAIT.format(flag=flag)), acme, overlap=Overlap.ALLOW, max_parallel=2)
    capped = [live.job(template) for _ in range(40)]
    behind = live.run("exit 0", acme)
    live.executor()
    running(capped[0])
    running(capped[1])
    assert ended(behind).status == JobStatus.SUCCESS
    assert QueueEntry.objects.filter(runtemplate=template, worker__isnull=False).count() == 2
    assert Job.objects.filter(pk__in=capped, status=JobStatus.RUNNING).count() == 2


def test_a_company_at_its_cap_holds_no_other_up(live: Live, acme: Company, globex: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    app = live.app(WAIT.format(flag=flag))
    Company.objects.filter(pk=acme.pk).update(max_running=1)
    capped = [live.job(live.template(app, acme)) for _ in range(40)]
    waiting = [live.job(live.template(app, globex)) for _ in range(2)]
    live.executor()
    for job_id in (capped[0], *waiting):
        running(job_id)
    behind = live.run("exit 0", globex)
    assert ended(behind).status == JobStatus.SUCCESS
    assert Job.objects.filter(company=acme, status=JobStatus.RUNNING).count() == 1


def test_two_companies_get_their_own_values(live: Live, acme: Company, globex: Company) -> None:
    app = live.app('echo "$GREETING from $(pwd)"')
    jobs = {}
    for company in (acme, globex):
        CompanyEnv.objects.create(company=company, keyword="GREETING", value=f"hello {company.name}")
        jobs[company.name] = live.job(live.template(app, company))
    live.executor()
    ended(*jobs.values())
    directories = Path(live.environment["MULTIFLEXI_TMP"])
    for name, job_id in jobs.items():
        assert stored(job_id).decode() == f"hello {name} from {directories}/job-{job_id}-1\n"
    until(lambda: not list(directories.glob("job-*")), "the removal of the job directories")


def test_the_directory_of_a_failed_job_can_be_looked_at_for_a_while(live: Live, acme: Company) -> None:
    jobs = [live.run(f"echo seen > report; exit {code}", acme) for code in (0, 3)]
    daemon = live.executor(MULTIFLEXI_KEEP_FAILED_DIRS="0.001")
    ended(*jobs)
    kept = Path(live.environment["MULTIFLEXI_TMP"]) / f"job-{jobs[1]}-1"
    assert [path.read_text() for path in kept.glob("report")] == ["seen\n"]
    until(lambda: not list(kept.parent.iterdir()), "the removal after its time")
    assert daemon.is_alive


def test_lines_are_there_while_the_job_runs(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    job_id = live.run(WAIT.format(flag=flag), acme)
    live.executor()
    until(lambda: lines_of(job_id) == ["started"], "the first line")
    assert status(job_id) == JobStatus.RUNNING
    flag.touch()
    assert ended(job_id).status == JobStatus.SUCCESS
    assert lines_of(job_id) == ["started", "ended"]


@pytest.mark.parametrize("level", [StopLevel.STOP, StopLevel.KILL])
def test_a_person_stops_a_job(live: Live, acme: Company, level: str) -> None:
    job_id = live.run(NEVER_ENDS, acme, max_retries=1)
    daemon = live.executor()
    until(lambda: lines_of(job_id), "the first line")
    QueueEntry.objects.filter(job_id=job_id).update(
        stop_level=level, stop_by_id=live.actor.user_id, stop_reason="enough", stop_at=timezone.now()
    )
    job = ended(job_id)
    assert (job.status, job.failure_reason, job.exitcode) == (JobStatus.TERMINATED, FailureReason.STOPPED, 137)
    assert job.reason_detail == f"user:{live.actor.user_id}: enough"
    assert job.runtemplate.jobs.count() == 1
    assert daemon.log.count("a job is being stopped") == 1


def test_a_job_cancelled_after_its_claim_is_not_started(live: Live, acme: Company, tmp_path: Path) -> None:
    """The cancelled job belonged to an executor that had not started it when it went away."""
    mark = tmp_path / "mark"
    live.executor("one").crash()
    worker = Worker.objects.get(name="one")
    cancelled = live.run(f"touch {mark}", acme)
    move(
        [Move(cancelled, 0, JobStatus.PENDING, JobStatus.QUEUED, {"worker": worker.pk}, takes_over=True)],
        actor=live.actor,
    )
    now = timezone.now()
    QueueEntry.objects.filter(job_id=cancelled).update(worker=worker, claimed_at=now, lease_until=now)
    assert job_stop.cancel(live.actor, Job.objects.get(pk=cancelled))
    later = live.run("exit 0", acme)
    live.executor("one")
    ended(later)
    assert status(cancelled) == JobStatus.CANCELLED
    assert not mark.exists()


# What it says


def test_the_service_manager_hears_from_it(live: Live, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        daemon = live.executor(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        heard: list[str] = []
        while heard.count("WATCHDOG=1") < 3 or "READY=1" not in heard:
            heard.append(manager.recv(4096).decode())
        daemon.ask()
        while "STOPPING=1" not in heard:
            heard.append(manager.recv(4096).decode())
        assert daemon.process.wait(20) == 0


def test_secrets_stay_secret(live: Live, acme: Company, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    app = live.app(
        f'echo "token $BANK_TOKEN"; echo "pin $PIN" >&2; while [ ! -e "{flag}" ]; do sleep 0.05; done; exit 3',
        cmdparams="--pin {PIN}",
        allow_secret_arguments=True,
    )
    app.fields.create(keyname="PIN", type="secret", secret=True)
    template = live.template(app, acme)
    template.assigned_credentials.create(credential=credential(acme))
    job_id = live.job(template, overrides={"PIN": "pin-987654321"})
    daemon = live.executor(MULTIFLEXI_LOG_LEVEL="debug")
    running(job_id)
    until(lambda: len(lines_of(job_id)) == 2, "both lines")
    at_work = Job.objects.get(pk=job_id)
    assert envelope.is_sealed(at_work.env["BANK_TOKEN"])
    assert envelope.is_sealed(at_work.env["PIN"])
    assert at_work.env_meta["BANK_TOKEN"]["secret"]
    for path in live.spool.glob("*/job-*/spec"):
        assert not any(secret in path.read_text() for secret in (HIDDEN, "pin-987654321"))
    flag.touch()
    job = ended(job_id)
    assert (job.env["BANK_TOKEN"], job.env["PIN"], job.overrides["PIN"]) == (None, None, None)
    daemon.stop()
    assert stored(job_id).decode() == "token ••••••••\n"
    assert stored(job_id, "stderr.txt").decode() == "pin ••••••••\n"
    assert [one.masked_spans for one in job.artifacts.order_by("filename")] == [1, 1]
    assert (job.stdout, job.stderr) == ("token ••••••••\n", "pin ••••••••\n")
    assert job.command[-1] == "••••••••"
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in ("credata", "crypto_keys"):
                continue
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                content = b" ".join(bytes(v) if isinstance(v, memoryview | bytes) else str(v).encode() for v in row)
                assert HIDDEN.encode() not in content, table
                assert b"pin-987654321" not in content, table
    assert HIDDEN not in daemon.log
    assert "pin-987654321" not in daemon.log


KEY_VALUE = re.compile(r'[a-z_.]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)(?: [a-z_.]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*))*')


def test_every_line_of_the_log_is_key_and_value(live: Live, acme: Company) -> None:
    jobs = [live.run("exit 1", acme), live.run('nonsense \\"=\n exit 2', acme)]
    jobs.append(live.job(live.template(live.app("", executable="/absent 'x' \"y\" z=1"), acme)))
    daemon = live.executor(MULTIFLEXI_LOG_LEVEL="debug")
    ended(*jobs)
    daemon.ask(signal.SIGUSR1)
    daemon.ask(signal.SIGHUP)
    daemon.says("settings read again")
    daemon.stop()
    lines = daemon.log.splitlines()
    assert len(lines) > 3
    assert [line for line in lines if not KEY_VALUE.fullmatch(line)] == []


# Output in bulk


def resident_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1])  # type: ignore[index]


@pytest.mark.slow
def test_a_hundred_megabytes_do_not_fill_the_memory(live: Live, acme: Company) -> None:
    script = 'block = b"0123456789abcde\\n" * 65536\nimport os\nfor _ in range(100):\n    os.write(1, block)'
    small = live.run("echo warm", acme)
    job_id = live.job(live.template(live.python_app(script), acme), after=timezone.now() + timedelta(seconds=1))
    daemon = live.executor()
    ended(small)
    idle = resident_kib(daemon.pid)
    grown = 0

    def is_over() -> bool:
        nonlocal grown
        grown = max(grown, resident_kib(daemon.pid) - idle)
        return JobStatus(status(job_id)).is_final

    until(is_over, "the end of the job", 60)
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{daemon.pid}/status").read_text())[1])  # type: ignore[index]
    job = Job.objects.get(pk=job_id)
    artifact = job.artifacts.get(filename="stdout.txt")
    assert (job.status, job.stdout_bytes, artifact.size) == (JobStatus.SUCCESS, 100 << 20, 100 << 20)
    block, size = b"0123456789abcde\n" * 65536, 0
    for row in artifact.chunks.order_by("seq").values_list("data", flat=True).iterator(chunk_size=4):
        assert bytes(row) == block
        size += 1
    assert size == 100
    assert peak - idle <= 32 * 1024, f"grew by {(peak - idle) // 1024} MiB"


def test_odd_output_is_kept_as_it_is(live: Live, acme: Company) -> None:
    made = {}
    for piece, times in ((b"x", 10_000_000), (b"a\0b\n", 20_000), (bytes(range(256)), 1_000)):
        script = f"import os\ndata = {piece!r} * {times}\nwhile data:\n    data = data[os.write(1, data) :]"
        made[live.job(live.template(live.python_app(script), acme))] = piece * times
    live.executor()
    ended(*made)
    for job_id, content in made.items():
        assert status(job_id) == JobStatus.SUCCESS
        assert stored(job_id) == content
        assert lines_of(job_id)


@pytest.mark.slow
def test_many_small_jobs(live: Live, acme: Company) -> None:
    """The rate is printed, not judged: benches do that on a quiet machine."""
    app = live.app("exit 0")
    templates = [live.template(app, acme) for _ in range(20)]
    jobs = [live.job(templates[n % 20]) for n in range(200)]
    live.executor()
    ended(*jobs)
    assert set(Job.objects.filter(pk__in=jobs).values_list("status", flat=True)) == {JobStatus.SUCCESS}
    history = JobHistory.objects.filter(job_id__in=jobs)
    begun = history.filter(to_status=JobStatus.QUEUED).earliest("at").at
    over = history.filter(to_status=JobStatus.SUCCESS).latest("at").at
    print(f"{len(jobs) / (over - begun).total_seconds():.0f} jobs per second on {connection.vendor}")
