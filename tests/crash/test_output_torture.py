"""Output of every kind and size: what a job wrote is kept byte for byte, and the executor stays small."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from multiflexi.jobs import artifacts
from multiflexi.models import Company, Job, JobOutputLine, RunTemplate
from multiflexi.vault.secrecy import MASK
from tests.crash.live import Daemon, Live, ended, running, stored, until

pytestmark = pytest.mark.slow

PATIENCE = 120.0
LONGEST_LINE = 16 * 1024
LINES_CAP = 4 * 1024 * 1024
GROWTH_MB = 32.0
SECRETS = [f"Secret-{n:02}-{random.Random(n).getrandbits(64):016x}" for n in range(50)]


def secretive(live: Live, acme: Company, script: str) -> tuple[RunTemplate, dict[str, str]]:
    """A run template whose jobs get the secrets as SECRET_00 and so on, and the values."""
    app = live.python_app(script)
    values = {f"SECRET_{n:02}": secret for n, secret in enumerate(SECRETS)}
    for name in values:
        app.fields.create(keyname=name, type="secret", secret=True)
    return live.template(app, acme), values


def memory_mb(daemon: Daemon, what: str) -> float:
    for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(what)


def shown(job: Job) -> list[JobOutputLine]:
    """The stored lines, whose numbers have no gap."""
    lines = list(job.output_lines.order_by("seq"))
    assert [one.seq for one in lines] == list(range(1, len(lines) + 1))
    return lines


def omitted(lines: list[JobOutputLine]) -> int:
    """Where the line stands that tells how much was left out; there is one."""
    (place,) = [n for n, one in enumerate(lines) if one.line.endswith("bytes omitted ---")]
    return place


UGLY = r"""
import os, random
noise = random.Random(7).randbytes(300_000)
os.write(1, b"\xff\xfe broken \xc3( and \0 NUL\r\n" + noise)
line = random.Random(8).randbytes(100_000).replace(b"\n", b"x").replace(b"\r", b"y")
for _ in range(105):
    written = 0
    while written < len(line):
        written += os.write(1, line[written:])
os.close(1)
os.write(2, "stdout is closed, příliš žluťoučký\n".encode())
os._exit(3)
"""


def test_bytes_that_are_no_text_and_a_line_without_end(live: Live, acme: Company) -> None:
    job_id = live.job(live.template(live.python_app(UGLY), acme))
    live.executor()
    job = ended(job_id, patience=PATIENCE)
    assert job.exitcode == 3
    line = random.Random(8).randbytes(100_000).replace(b"\n", b"x").replace(b"\r", b"y")
    expected = b"\xff\xfe broken \xc3( and \0 NUL\r\n" + random.Random(7).randbytes(300_000) + line * 105
    assert stored(job_id) == expected
    assert stored(job_id, "stderr.txt").decode() == "stdout is closed, příliš žluťoučký\n"
    assert job.stdout_bytes == len(expected)
    lines = shown(job)
    assert omitted(lines) > 0
    assert job.output_truncated
    assert not any("\0" in one.line for one in lines)
    assert max(len(one.line.encode()) for one in lines) <= LONGEST_LINE
    assert sum(len(one.line.encode()) for one in lines) <= 2 * LINES_CAP


def test_a_million_short_lines(live: Live, acme: Company) -> None:
    script = "import sys; sys.stdout.writelines(f'{n}\\n' for n in range(1_000_000))"
    job_id = live.job(live.template(live.python_app(script), acme))
    daemon = live.executor()
    before = memory_mb(daemon, "VmRSS")
    job = ended(job_id, patience=PATIENCE)
    assert memory_mb(daemon, "VmHWM") - before <= GROWTH_MB
    assert stored(job_id) == "".join(f"{n}\n" for n in range(1_000_000)).encode()
    texts = [one.line for one in shown(job)]
    place = omitted(list(job.output_lines.order_by("seq")))
    assert texts[:place] == [str(n) for n in range(place)]
    behind = len(texts) - place - 1
    assert texts[place + 1 :] == [str(n) for n in range(1_000_000 - behind, 1_000_000)]
    assert min(place, behind) > 10_000


MUCH = """
import os, time
secrets = [os.environ[f"SECRET_{n:02}"] for n in range(50)]
filler = "".join(chr(97 + n * 7 % 26) for n in range(9973))

def write(text):
    data, written = text.encode(), 0
    while written < len(data):
        written += os.write(1, data[written:written + 4099])

for part in range(2):
    for n in range(5_000):
        write(f"{n} {filler} {secrets[n % 50]}\\n")
    if part == 0:
        while not os.path.exists("{go}"):
            time.sleep(0.02)
"""


def test_a_hundred_megabytes_with_secrets_across_a_restart(live: Live, acme: Company, tmp_path: Path) -> None:
    go = tmp_path / "go"
    template, values = secretive(live, acme, MUCH.replace("{go}", str(go)))
    job_id = live.job(template, overrides=values)
    daemon = live.executor()
    spool = Path(str(running(job_id).spool_path)) / "stdout"
    until(lambda: spool.stat().st_size > 50_000_000, "the first half", PATIENCE)
    daemon.crash()
    go.touch()
    daemon = live.executor()
    before = memory_mb(daemon, "VmRSS")
    job = ended(job_id, patience=PATIENCE)
    assert memory_mb(daemon, "VmHWM") - before <= GROWTH_MB
    assert job.exitcode == 0
    filler = "".join(chr(97 + n * 7 % 26) for n in range(9973))
    expected = hashlib.sha256()
    for _ in range(2):
        for n in range(5_000):
            expected.update(f"{n} {filler} {MASK}\n".encode())
    artifact = job.artifacts.get(filename="stdout.txt")
    found = hashlib.sha256()
    for piece in artifacts.read(artifact):
        found.update(piece)
    assert (artifact.masked_spans, found.hexdigest()) == (10_000, expected.hexdigest())
    assert artifact.sha256 == expected.hexdigest()
    lines = shown(job)
    assert omitted(lines) > 0
    assert not any(secret in one.line for one in lines for secret in SECRETS[:3])


def test_who_holds_the_output_open_neither_holds_the_end_nor_takes_anything_away(live: Live, acme: Company) -> None:
    """A process of the job goes on writing after the end; it is a file, so nobody waits for it to be closed."""
    script = "(while :; do echo late; sleep 0.01; done) & seq 20000; exit 4"
    job_id = live.run(script, acme)
    live.executor()
    job = ended(job_id, patience=PATIENCE)
    assert job.exitcode == 4
    # A line of the other process may stand anywhere: seq writes blocks, which end within lines.
    assert stored(job_id).decode().replace("late\n", "") == "".join(f"{n}\n" for n in range(1, 20001))
