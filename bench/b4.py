"""B4: how fast a hundred megabytes of output with secrets in it become an artifact."""

from __future__ import annotations

import contextlib
import hashlib
import random
import statistics
from pathlib import Path
from typing import Any

from bench.frame import seed
from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.processes import Process, cpu, memory, until
from bench.frame.report import Report, rounded, say
from bench.frame.server import ServerMeter
from multiflexi.jobs import artifacts
from multiflexi.jobs.create import NewJob, create_jobs
from multiflexi.jobs.queue import backend
from multiflexi.models import ConfField, FieldType, Job, JobStatus, QueueEntry, RunTemplate, ScheduleType
from multiflexi.vault.secrecy import MASK

MEGABYTES = 100
SECRETS = 50
BETWEEN_SECRETS = 20_000
ROUNDS = 5
MB_PER_SECOND, GROWTH_MB = 80, 32
PATIENCE = 600.0


def measure(place: Installation, options: Options) -> Report:
    """One job after the other prints the same file; what is kept of it must be the file with its secrets masked."""
    report = Report()
    secrets = [f"Secret-{n:02}-{random.Random(n).getrandbits(64):016x}" for n in range(SECRETS)]
    file = place.scratch / "output.txt"
    size, spans, digest = write_output(file, secrets, options.size(MEGABYTES, MEGABYTES) * 1_000_000)
    app = seed.application("/bin/cat", str(file))
    for n in range(SECRETS):
        ConfField.objects.create(app=app, keyname=f"SECRET_{n:02}", type=FieldType.PASSWORD)
    [template] = seed.run_templates(app, 1, 1)
    overrides = {f"SECRET_{n:02}": secret for n, secret in enumerate(secrets)}
    report.figures |= {"bytes": size, "secrets": SECRETS, "occurrences": spans}
    rounds = []
    for _ in range(options.repeats(ROUNDS)):
        executor = place.daemon("executor")
        run(seed.run_templates(seed.application("/bin/true"), 1, 1)[0], {})
        rounds.append(one_round(report, executor, template, overrides, (size, spans, digest)))
        say(str(rounds[-1]))
        report.check("the executor stops in order", executor.stop(), 0)
    report.figures |= {key: rounded(statistics.median(one[key] for one in rounds)) for key in rounds[0]}
    report.at_least("MB/s from the job's end to the artifact", report.figures["mb_per_s_from_end"], MB_PER_SECOND)
    report.at_most("growth of the executor, megabytes", report.figures["executor_growth_mb"], GROWTH_MB)
    return report


def write_output(file: Path, secrets: list[str], size: int) -> tuple[int, int, str]:
    """Text with the secrets at places of every alignment; its size, their number, and the SHA-256 of it masked."""
    source = random.Random(1)
    letters = "".join(source.choices("abcdefghijklmnopqrstuvwxyz      .,;:0123456789", k=1_000_000))
    written, spans, expected = 0, 0, hashlib.sha256()
    with file.open("wb") as out:
        while written < size:
            start, length = source.randrange(900_000), source.randrange(1, 2 * BETWEEN_SECRETS)
            text = "\n".join(letters[start : start + length][at : at + 100] for at in range(0, length, 100))
            secret = secrets[spans % len(secrets)]
            written += out.write(f"{text} {secret}\n".encode())
            expected.update(f"{text} {MASK}\n".encode())
            spans += 1
    return written, spans, expected.hexdigest()


def one_round(
    report: Report, executor: Process, template: RunTemplate, overrides: dict[str, str], expected: tuple[int, int, str]
) -> dict[str, Any]:
    size, spans, digest = expected
    seed.settle()
    forget_peak(executor.pid)
    before, server, (own, _) = memory(executor.pid), ServerMeter(), cpu(executor.pid)
    job = run(template, overrides)
    growth = memory(executor.pid, "VmHWM") - before
    own_now, _ = cpu(executor.pid)
    artifact = job.artifacts.get(filename="stdout.txt")
    found = hashlib.sha256()
    for piece in artifacts.read(artifact):
        found.update(piece)
    report.check("the job succeeded", (job.status, job.exitcode), (JobStatus.SUCCESS, 0))
    report.check("the job wrote everything", job.stdout_bytes, size)
    report.check("every secret was masked and counted", artifact.masked_spans, spans)
    report.check("the artifact is the output with its secrets masked", found.hexdigest(), digest)
    report.check("the artifact knows its SHA-256", artifact.sha256, digest)
    committed = job.history.get(to_status=JobStatus.SUCCESS).at
    assert job.begin and job.end
    megabytes = size / 1_000_000
    return {
        "mb_per_s_from_end": megabytes / (committed - job.end).total_seconds(),
        "mb_per_s_from_start": megabytes / (committed - job.begin).total_seconds(),
        "job_seconds": (job.end - job.begin).total_seconds(),
        "executor_cpu_seconds": own_now - own,
        "database_cpu_seconds": sum(server.seconds().values()),
        "executor_growth_mb": growth,
    }


def run(template: RunTemplate, overrides: dict[str, str]) -> Job:
    """One job from its making to its end."""
    now, author = backend().now(), seed.actor()
    assert author.user_id is not None
    wanted = NewJob(template, ScheduleType.ADHOC, author.user_id, now, overrides=overrides)
    [job] = create_jobs([wanted], actor=author, now=now)
    until(lambda: not QueueEntry.objects.exists(), "the end of the job", patience=PATIENCE)
    return Job.objects.get(pk=job.pk)


def forget_peak(pid: int) -> None:
    """Let the highest memory count from now on; where that is forbidden, it counts from the start."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
