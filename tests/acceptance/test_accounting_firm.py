"""An accounting firm is set up by one file: fifty clients, each with a daily import of its bank statements."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiflexi.jobs import artifacts
from multiflexi.models import Application, Artifact, Company, Job, JobStatus, RunTemplate
from multiflexi.record.actor import Actor
from multiflexi.services import definitions, run_template_run
from tests.crash.live import ROOT, Live, until

CLIENTS = 50
SECONDS = 30.0
EXAMPLE = ROOT / "examples" / "bank-statement"
SAMPLE = EXAMPLE / "samples" / "acme" / "acme-2026-01.xml"
INBOX = {
    "uuid": "5f1d3c1e-6a52-4a8e-9d4e-0c1b7e8f2a11",
    "code": "StatementInbox",
    "name": "Inbox of bank statements",
    "version": "1.0",
    "fields": [
        {"keyword": "STATEMENT_PATH", "type": "string", "name": "Directory", "required": True},
        {"keyword": "INBOX_PASSWORD", "type": "password", "name": "Password", "required": True},
    ],
}


def _secret(number: int) -> str:
    return f"password-of-client-{number:02}-only"


def _client(number: int, inboxes: Path) -> dict[str, Any]:
    inbox = inboxes / f"client{number:02}"
    inbox.mkdir(parents=True)
    (inbox / f"only-of-{number:02}.xml").write_bytes(SAMPLE.read_bytes())
    return {
        "name": f"Client {number:02}",
        "slug": f"client{number:02}",
        "credentials": [
            {
                "name": f"Inbox {number:02}",
                "kind": "StatementInbox",
                "values": {"STATEMENT_PATH": str(inbox), "INBOX_PASSWORD": {"from_env": f"INBOX_{number:02}"}},
            }
        ],
        "run_templates": [
            {
                "name": "Daily statements",
                "application": "reader",
                "interval": "daily",
                "values": {"CSV_DELIMITER": "semicolon"},
                "credentials": [f"Inbox {number:02}"],
            }
        ],
    }


def _apply(live: Live, file: Path) -> dict[str, Any]:
    secrets = {f"INBOX_{number:02}": _secret(number) for number in range(CLIENTS)}
    done = subprocess.run(
        [sys.executable, "-m", "multiflexi.cli.main", "apply", "--file", str(file), "--format", "json"],
        env=live.environment | secrets,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "password-of-client" not in done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
def test_fifty_clients_are_set_up_by_one_file_and_each_job_sees_its_own_client_only(live: Live, tmp_path: Path) -> None:
    hand = Actor(user_id=None, origin="cli")
    definition = (EXAMPLE / "bank-statement.multiflexi.app.json").read_bytes()
    definitions.import_application(hand, definition, "bank-statement")
    definitions.import_prototype(hand, json.dumps(INBOX).encode(), "inbox")
    Application.objects.update(executable=str(EXAMPLE / "bank-statement"))
    file = tmp_path / "firm.yaml"
    document = {
        "format": "multiflexi/1",
        "applications": {"reader": {"uuid": json.loads(definition)["uuid"]}},
        "companies": [_client(number, tmp_path / "inboxes") for number in range(CLIENTS)],
    }
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    begun = time.monotonic()
    _apply(live, file)
    assert time.monotonic() - begun < SECONDS
    assert _apply(live, file)["changes"] == []
    templates = list(RunTemplate.objects.filter(company__slug__startswith="client").order_by("pk"))
    assert len(templates) == CLIENTS
    assert all(one.complete and one.interv == "d" and one.next_schedule for one in templates)

    for template in templates:
        run_template_run.schedule(live.actor, template)
    live.executor()
    ended = Job.objects.filter(runtemplate__in=templates, status=JobStatus.SUCCESS)
    until(lambda: ended.count() == CLIENTS, "the success of all jobs", patience=120)

    for company in Company.objects.filter(slug__startswith="client").order_by("pk"):
        number = int(company.slug.removeprefix("client"))
        (job,) = Job.objects.filter(company=company)
        table = Artifact.objects.get(job=job, filename="transactions.csv")
        rows = b"".join(artifacts.read(table)).decode().splitlines()[1:]
        assert rows and all(row.startswith(f"only-of-{number:02}.xml;") for row in rows)
        kept = json.dumps([job.env, job.env_meta, job.command, job.stdout, job.stderr])
        assert "password-of-client" not in kept
        assert str(tmp_path / "inboxes" / company.slug) in kept
        assert "inboxes/client" not in kept.replace(f"inboxes/{company.slug}", "")
