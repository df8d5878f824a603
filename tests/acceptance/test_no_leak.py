"""Fifty secrets of every origin are shouted by an application, and are found nowhere afterwards."""

from __future__ import annotations

import base64
import json
import os
import secrets as randomness
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from django.conf import settings
from django.db import connection

from multiflexi.jobs.inputs import sealed_content
from multiflexi.models import (
    Artifact,
    ArtifactChunk,
    Company,
    Credential,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    FileStore,
    Job,
    JobStatus,
    RunTemplate,
    TypeValueKind,
)
from multiflexi.record.actor import SYSTEM
from multiflexi.services import company_env, run_template_config
from multiflexi.vault import envelope, keyring
from tests.crash.live import ROOT, Live, ended, running, stored, until

ODD = ('p@ss "w/ord" žluť+&=%~', "back\\slash\ttab/{brace}", "<b>&amp;'quoted'</b> sesame")
NOBODY = 65534
# Every value goes out in every shape, on both streams, in two halves.
SHOUT = """
import base64, json, os, sys, time
from pathlib import Path
from urllib.parse import quote, quote_plus

def shapes(text):
    raw = text.encode()
    yield raw
    for before in (b"", b"u", b"me:"):
        yield base64.b64encode(before + raw)
        yield base64.urlsafe_b64encode(before + raw + b"!")
    yield from (one.encode() for one in (quote(text), quote(text, safe=""), quote_plus(text)))
    yield json.dumps(text).encode()
    yield json.dumps(text, ensure_ascii=False).replace("/", chr(92) + "/").encode()
    yield from text.encode().splitlines()

values = [value for name, value in sorted(os.environ.items()) if name.startswith("S_")]
values += [Path(path).read_text() for path in values if path.startswith(os.environ["MULTIFLEXI_TMP"])]
for number, value in enumerate(values):
    for shape in shapes(value):
        stream = (sys.stdout, sys.stderr)[number % 2].buffer
        half = len(shape) // 2
        stream.write(b"> " + shape[:half])
        stream.flush()
        stream.write(shape[half:] + b" <" + bytes([10]))
if os.environ.get("REPORT"):
    Path("report.txt").write_text("the token is " + os.environ["S_0_TOKEN"])
    Path("clean.txt").write_text("nothing to see")
while not Path(os.environ["GO"]).exists():
    time.sleep(0.05)
sys.exit(int(os.environ["CODE"]))
"""


class Fifty:
    """The secrets, put into every place a job is given them from."""

    def __init__(self, template: RunTemplate) -> None:
        self.template = template
        self.texts: list[str] = []
        self.overrides: dict[str, str] = {}

    def new(self, text: str = "") -> tuple[str, str]:
        """Name and value of another one."""
        number = len(self.texts)
        self.texts.append(text or f"{randomness.token_urlsafe(9)}-{number}-{randomness.token_hex(6)}")
        return f"S_{number}_TOKEN", self.texts[-1]

    def fill(self) -> None:
        company = self.template.company
        for text in (*ODD, *[""] * 9):
            company_env.set_value(SYSTEM, company, *self.new(text))
        run_template_config.store(self.template, dict(self.new() for _ in range(12)))
        kind = CredentialType.objects.create(name="Bank", company=company)
        owner = Credential.objects.create(name="Main", company=company, credential_type=kind)
        for _ in range(11):
            self._seal(CredentialValue(credential=owner, is_encrypted=True))
        value = CredentialValue.objects.create(credential=owner, name=f"S_{len(self.texts)}_TOKEN", value="key.pem")
        self._upload(pem(), FileStore(credential_value=value))
        for value_kind in (TypeValueKind.FIXED, TypeValueKind.DEFAULT):
            self._seal(CredentialTypeValue(credential_type=kind, kind=value_kind, is_encrypted=True))
        self.template.assigned_credentials.create(credential=owner)
        self.overrides = dict(self.new() for _ in range(8))
        self._upload(pem(), FileStore(runtemplate=self.template))
        self._upload("", FileStore(runtemplate=self.template))
        name, value = self.new(pem())
        run_template_config.store(self.template, {name: value})
        name, value = self.new()
        run_template_config.store(self.template, {name: value, "S_COMBINED": f"https://x:{{{name}}}@bank.example/"})

    def _seal(self, row: CredentialValue | CredentialTypeValue) -> None:
        row.name, text = self.new()
        row.save()
        company_id = self.template.company_id
        row.value = envelope.seal(
            text, key="credentials", table=row._meta.db_table, field="value", record=row.pk, company_id=company_id
        )
        row.save()

    def _upload(self, text: str, row: FileStore) -> None:
        name, content = self.new(text)
        self.template.app.fields.create(keyname=name, type="file-path")
        row.field, row.file_name, row.secret = name, "key.pem", True
        row.save()
        row.file_data = sealed_content(content.encode(), row.pk, self.template.company_id)
        row.save()


def pem() -> str:
    lines = [randomness.token_urlsafe(36) for _ in range(4)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


def shapes(text: str) -> Iterator[bytes]:
    """What must not be found of a secret; written here anew, so that the platform's own list is put to the test."""
    raw = text.encode()
    yield raw
    for before in range(3):
        # Without the groups of four that depend on what stands around.
        inner = base64.b64encode(bytes(before) + raw)[4:-4]
        yield from (inner, inner.translate(bytes.maketrans(b"+/", b"-_")))
    for escaped in (quote(text), quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]):
        yield escaped.encode()
    yield from (line for line in raw.splitlines() if len(line) > 8 and not line.startswith(b"-----"))


def leaked(sought: dict[bytes, str], data: bytes) -> list[str]:
    return sorted({name for shape, name in sought.items() if shape in data})


def everything_stored() -> Iterator[tuple[str, bytes]]:
    """Every column of every row, apart from the content of result files that are flagged."""
    flagged = set(Artifact.objects.filter(contains_secret=True).values_list("pk", flat=True))
    chunks = set(ArtifactChunk.objects.filter(artifact_id__in=flagged).values_list("pk", flat=True))
    excluded = {"artifacts": flagged, "artifact_chunks": chunks}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                members = dict(zip(names, row, strict=True))
                if members.get("id") in excluded.get(table, ()):
                    members["artifact"] = members["data"] = None
                for name, value in members.items():
                    is_binary = isinstance(value, bytes | memoryview | bytearray)
                    yield f"{table}.{name}", bytes(value) if is_binary else str(value).encode("utf-8", "replace")


def files_below(*roots: Path) -> Iterator[tuple[str, bytes]]:
    for root in roots:
        for path in root.rglob("*"):
            yield f"name of {path}", str(path).encode()
            if path.is_file():
                yield str(path), path.read_bytes()


def seen_by_others(*roots: Path) -> bytes:
    """What an account without rights reads of all processes and of these directories."""
    script = 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; for d in "$@"; do find "$d" -type f -exec cat {} +; done'
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    assert user, "looking with another account's eyes takes root"
    words = ["/bin/sh", "-c", script, "sh", *map(str, roots)]
    return subprocess.run(words, capture_output=True, check=False, cwd="/", env={}, **user).stdout


def told(live: Live, job_id: int, template: RunTemplate) -> Iterator[tuple[str, bytes]]:
    """What commands say about the job and its run template."""
    for words in (
        ("job:get", job_id, "-f", "json"),
        ("job:get", job_id, "-v"),
        ("run-template:preview", template.pk, "-f", "json"),
        ("run-template:get", template.pk, "--env-only"),
        ("company:env", "list", "--company", template.company_id),
        ("encryption:status", "-vvv"),
    ):
        command = [sys.executable, "-m", "multiflexi.cli.main", *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, env=live.environment, capture_output=True, check=False)
        assert done.stdout, done.stderr
        yield f"{words[0]}", done.stdout + done.stderr


def sought_for(texts: list[str]) -> dict[bytes, str]:
    """Everything to look for, by what it says about whose it is."""
    found = {shape: f"secret {number}" for number, text in enumerate(texts) for shape in shapes(text)}
    found[str(settings.ENCRYPTION_MASTER_KEY).encode()] = "master key"
    for name in ("default", "credentials", "personal_data", "audit"):
        key = keyring.current(name).secret
        found |= dict.fromkeys((key, base64.b64encode(key), key.hex().encode()), f"data key {name}")
    return found


def test_fifty_secrets_leave_no_trace(live: Live, acme: Company, tmp_path: Path) -> None:
    template = live.template(live.python_app(SHOUT), acme)
    template.app.artifact_definitions.create(path="clean.txt")
    fifty = Fifty(template)
    fifty.fill()
    assert len(fifty.texts) == 50
    sought, flag = sought_for(fifty.texts), tmp_path / "go"
    given = {**fifty.overrides, "GO": str(flag)}
    good = live.job(template, overrides={**given, "CODE": "0", "REPORT": "1", "RESULT_FILE": "report.txt"})
    bad = live.job(template, overrides={**given, "CODE": "3"})
    daemon = live.executor(MULTIFLEXI_LOG_LEVEL="debug", MULTIFLEXI_KEEP_FAILED_DIRS="1")
    job_dirs = Path(live.environment["MULTIFLEXI_TMP"])
    running(good)
    running(bad)
    until(lambda: Job.objects.get(pk=good).output_lines.count() > 500, "the live lines")
    others = seen_by_others(live.spool, job_dirs)
    assert b"daemons.executor" in others
    assert leaked(sought, others) == []
    for place, data in everything_stored():
        assert leaked(sought, data) == [], f"{place} while the job runs"
    flag.touch()
    assert (ended(good).status, ended(bad).status) == (JobStatus.SUCCESS, JobStatus.FAILED)
    for place, data in told(live, bad, template):
        assert leaked(sought, data) == [], place
    daemon.stop()

    report = Artifact.objects.get(job=good, filename="report.txt")
    assert report.contains_secret and stored(good, "report.txt").decode() == f"the token is {fifty.texts[0]}"
    assert not Artifact.objects.get(job=good, filename="clean.txt").contains_secret
    assert not Artifact.objects.exclude(pk=report.pk).filter(contains_secret=True).exists()
    outputs = Artifact.objects.filter(filename__in=("stdout.txt", "stderr.txt"))
    assert outputs.count() == 4 and all(one.masked_spans > 250 for one in outputs)
    kept = [path for path in job_dirs.glob(f"job-{bad}-*") if path.is_dir()]
    assert len(kept) == 1
    for place, data in (
        *everything_stored(),
        *files_below(live.spool, job_dirs),
        (daemon.log_file.name, daemon.log.encode()),
    ):
        assert leaked(sought, data) == [], place


@pytest.mark.parametrize("text", ["hunter2-hunter2", *ODD])
def test_the_search_of_this_test_finds_what_is_there(text: str) -> None:
    sought = dict.fromkeys(shapes(text), "it")
    raw = text.encode()
    for data in (raw, base64.b64encode(b"me:" + raw), quote_plus(text).encode(), json.dumps([text]).encode()):
        assert leaked(sought, b"before " + data + b" after") == ["it"]
