"""An installation with one of everything, and a call of every command that succeeds on it."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from multiflexi.cli.identity import actor
from multiflexi.models import (
    Application,
    Artifact,
    ArtifactKind,
    Company,
    CredentialPrototype,
    Job,
    JobOutputLine,
    JobStatus,
    LogEntry,
    RunTemplate,
    Task,
    User,
    Worker,
)
from multiflexi.record import audit
from multiflexi.services import (
    company_env,
    credential_assignment,
    erasure,
    event_rule,
    event_source,
    limit,
    run_template,
    run_template_run,
    token,
    user,
)
from tests.integration.services.bank import SHELL, make_credential, make_prototype, make_type

# Stands in every place that is secret; the quotation mark and the slash change in JSON and in addresses.
MARKER = 'm4rk3r/of"a-secret'

FORMS = (
    MARKER,
    json.dumps(MARKER)[1:-1],
    json.dumps(json.dumps(MARKER)[1:-1])[1:-1],
    urllib.parse.quote(MARKER, safe=""),
    urllib.parse.quote(MARKER),
    base64.b64encode(MARKER.encode()).decode(),
    MARKER.encode().hex(),
    # The part without a letter that is written in another way.
    "m4rk3r",
)


def betrayed(text: str) -> list[str]:
    """The forms of the marker that occur in a text."""
    return [form for form in FORMS if form in text]


class _Undo(Exception):
    """Ends a savepoint."""


@contextmanager
def undone() -> Iterator[None]:
    """What the block does to the database is taken back."""
    try:
        with transaction.atomic():
            yield
            raise _Undo
    except _Undo:
        pass


@dataclass
class Plot:
    """What the words of calls refer to, by the name that stands for it in them."""

    names: dict[str, str]

    def words(self, line: str) -> list[str]:
        """The words of a line, with what the names stand for."""
        return [line_word.format_map(self.names) for line_word in line.split()]


def fill(template: RunTemplate, company: Company, directory: Path) -> Plot:
    """Fill the installation; `directory` is for files."""
    now = timezone.now()
    by = User.objects.technical()
    caller = actor()
    run_template.update(SHELL, template, interv="d", config={"API_KEY": MARKER})
    company_env.set_value(SHELL, company, "REGION", "Žďár")
    company_env.set_value(SHELL, company, "ACME_TOKEN", MARKER, secret=True)
    kind = make_type(company, values={"SAFE_PASSWORD": MARKER})
    credential = make_credential(kind, company, BANK_TOKEN=MARKER)
    # What was made here is no definition file.
    CredentialPrototype.objects.update(manifest=None)
    free = make_type(company, make_prototype("Free"))
    spare = make_credential(free, company, "Spare", BANK_TOKEN=MARKER)
    credential_assignment.assign(SHELL, template, credential)
    task = Task.objects.create(
        runtemplate=template, company=company, window_start=now - timedelta(days=1), window_end=now, deadline=now
    )
    ended = Job.objects.create(
        app=template.app, company=company, runtemplate=template, launched_by=by, status=JobStatus.FAILED, exitcode=3,
        begin=now - timedelta(hours=1), end=now - timedelta(minutes=59), schedule=now - timedelta(hours=1), task=task,
        env={"GREETING": "hello", "API_KEY": None, "COUNT": 1}, env_meta={"API_KEY": {"secret": True}},
        command=["/bin/echo", "a b"], stdout="řádek\n", stderr="chyba\n", failure_reason="exit_code", pid=1,
    )  # fmt: skip
    JobOutputLine.objects.create(job=ended, seq=1, type="stdout", line="řádek")
    file = Artifact.objects.create(
        job=ended, filename="stdout.txt", kind=ArtifactKind.STDOUT, artifact="řádek\n".encode(), size=8
    )
    Artifact.objects.create(job=ended, filename="data.bin", artifact=b"\xff\x00\x01", size=3)
    waiting = run_template_run.schedule(caller, template, overrides={"API_KEY": MARKER})
    later = run_template_run.schedule(caller, template, after=now + timedelta(days=1))
    source = event_source.create(SHELL, name="Changes", db_password=MARKER, db_host="127.0.0.1", db_port="1")
    rule = event_rule.create(
        SHELL, event_source_id=source.pk, runtemplate_id=template.pk, env_mapping={"ID": "recordid"}
    )
    held = limit.create(SHELL, name="Bank", maximum=1, company=company, users=[template.app])
    dave = user.create(SHELL, login="dave", email="dave@example.org", plaintext=f"{MARKER} Long enough 1")
    made = token.create(SHELL, dave, value=f"beginning-that-is-shown-{MARKER}-0123456789", label="robot")[0]
    Worker.objects.create(role="executor", name="one", host="h", boot_id="b", state="running", places=4)
    LogEntry.objects.create(company_id=company.pk, message="hello", venue="test")
    audit.write(SHELL, "look", company)
    leaver = user.create(SHELL, login="leaver", email="leaver@example.org")
    asked = erasure.create(caller, dave, deletion_type="anonymize", reason="asked for it")
    granted = erasure.create(caller, leaver, deletion_type="anonymize")
    erasure.approve(caller, granted)
    unused = Application.objects.create(
        uuid="55555555-5555-4555-8555-555555555555", code="unused", name="Unused", executable="/bin/true"
    )
    empty = Company.objects.create(name="Empty", slug="empty")
    make_prototype("Idle")
    idle = make_type(company, make_prototype("Lazy"), name="Idle type")
    CredentialPrototype.objects.update(manifest=None)
    return Plot(
        _files(directory, template.app)
        | {
            "marker": MARKER,
            "company": company.slug,
            "empty": empty.slug,
            "app": template.app.code,
            "unused": unused.code,
            "template": str(template.pk),
            "ended": str(ended.pk),
            "waiting": str(waiting.pk),
            "later": str(later.pk),
            "artifact": str(file.pk),
            "task": str(task.pk),
            "credential": str(credential.pk),
            "spare": str(spare.pk),
            "type": str(kind.pk),
            "idle": str(idle.pk),
            "source": str(source.pk),
            "rule": str(rule.pk),
            "limit": str(held.pk),
            "token": str(made.pk),
            "asked": str(asked.pk),
            "granted": str(granted.pk),
        }
    )


def _files(directory: Path, app: Application) -> dict[str, str]:
    contents = {
        "definition": {
            "$schema": "https://multiflexi.eu/schema/application-3.4.0.json",
            "uuid": "66666666-6666-4666-8666-666666666666",
            "name": "New",
            "description": "A new one",
            "executable": "new",
            "environment": {},
        },
        "here": {"uuid": str(app.uuid), "name": "Echo", "executable": "/bin/echo"},
        "unused_file": {"uuid": "55555555-5555-4555-8555-555555555555", "name": "Unused", "executable": "true"},
        "prototype": _prototype("NewBank", "77777777-7777-4777-8777-777777777777", []),
        "kind": _prototype(
            "FioBank",
            "99999999-9999-4999-8999-999999999999",
            [{"keyword": "BRANCH", "name": "Branch", "type": "string"}],
        ),
        "setup": {"format": "multiflexi/1", "companies": [{"name": "Initech", "environment": {"REGION": "cz"}}]},
    }
    names = {"directory": str(directory), "nothing": str(directory / "nothing.json")}
    for name, content in contents.items():
        path = directory / f"{name}{'.credtype' if name == 'kind' else ''}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        names[name] = str(path)
    return names


def _prototype(code: str, uuid: str, fields: list[dict[str, str]]) -> dict[str, object]:
    return {"uuid": uuid, "code": code, "version": "1.0", "name": code, "description": "", "fields": fields}
