"""An installation with two companies, one of everything in each, and clients that ask for it."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from multiflexi.models import (
    AppConsumes,
    AppExitCode,
    AppExitCodeTranslation,
    Application,
    AppProduces,
    Artifact,
    ArtifactKind,
    Company,
    ConfField,
    CredentialPrototype,
    CredentialPrototypeField,
    Job,
    JobStatus,
    QueueEntry,
    RunTemplate,
    Task,
    TaskState,
    Topic,
    User,
)
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_type, event_rule, event_source, run_template

BASE = "/api/VitexSoftware/MultiFlexi/1.0.0"
LISTS = (
    "apps", "companies", "users", "jobs", "runtemplates", "credentials", "credential_types", "credential_prototypes",
    "topics", "eventsources", "eventrules", "tasks", "schedule", "artifacts", "auditlog",
)  # fmt: skip
RECORDS = (
    "app", "company", "runtemplate", "job", "credential", "credential_type", "credential_prototype", "topic",
    "eventsource", "eventrule", "task", "schedule", "artifact",
)  # fmt: skip
SHELL = Actor(user_id=None, origin="cli")
NASTY = "Výpis & \"účet\" <b>žluťoučký</b> 'kůň'"
BINARY = bytes(range(256)) * 8
SECRETS = ("s3cret-of-the-database", "t0ken-of-the-bank")
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
CODES = {"success": 0, "failed": 1, "timeout": 124, "terminated": 143, "lost": -1}


@dataclass
class Plot:
    """What one company has; `ids` are by the path of the single record."""

    company: Company
    template: RunTemplate
    jobs: dict[str, Job]
    ids: dict[str, int] = field(default_factory=dict)


@dataclass
class World:
    acme: Plot
    globex: Plot
    app: Application


@dataclass
class Asker:
    """A client that proves who it is with each request."""

    headers: dict[str, str]
    base: str = BASE

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        more: dict[str, Any] = {}
        if body is not None:
            more = {"data": json.dumps(body), "content_type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(raise_request_exception=True).generic(
            method, self.base + path, headers={**self.headers, **named}, **more
        )  # type: ignore[return-value]

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self("GET", path, **headers)

    def json(self, path: str, **headers: str) -> Any:
        answer = self.get(path, **headers)
        assert answer.status_code == 200, (path, answer.content)
        return json.loads(answer.content)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self("POST", path, {} if body is None else body, **headers)


def told(answer: HttpResponse) -> Any:
    return json.loads(answer.content)


def _prototype() -> CredentialPrototype:
    made = CredentialPrototype.objects.create(uuid=uuid.uuid4(), code="Bank", name="Bank", version="1.0")
    for keyword, kind in (("ACCOUNT", "string"), ("BANK_TOKEN", "password")):
        CredentialPrototypeField.objects.create(credential_prototype=made, keyword=keyword, type=kind, name=keyword)
    return made


def _app() -> Application:
    app = Application.objects.create(
        uuid=uuid.uuid4(),
        code="import",
        name=NASTY,
        executable="/bin/true",
        description="x" * 3,
        image=PIXEL,
        tags=["bank", "import"],
        version="1.2",
    )
    ConfField.objects.create(app=app, keyname="ACCOUNT", type="string", description="Účet", defval="1")
    ConfField.objects.create(app=app, keyname="API_KEY", type="secret", secret=True, defval="default-secret")
    ConfField.objects.create(app=app, keyname="MAIL", type="email")
    code = AppExitCode.objects.create(app=app, exit_code=0, severity="success")
    AppExitCodeTranslation.objects.create(app_exit_code=code, lang="cs", description="Hotovo")
    AppExitCode.objects.create(app=app, exit_code=2, severity="critical", retry=True)
    AppProduces.objects.create(app=app, name="statement", format="json", fields={"id": "int"})
    AppConsumes.objects.create(app=app, name="account", target_env_key="ACCOUNT")
    return app


def _plot(company: Company, app: Application, prototype: CredentialPrototype) -> Plot:
    template = run_template.create(SHELL, name=f"T {company.slug}", app=app, company=company, executor="Native")
    now = datetime.now(UTC).replace(microsecond=0)
    jobs = {}
    for number, state in enumerate(JobStatus.values):
        ended = JobStatus(state).is_final
        jobs[state] = Job.objects.create(
            app=app,
            company=company,
            runtemplate=template,
            launched_by=User.objects.technical(),
            status=state,
            exitcode=CODES.get(state),
            begin=now - timedelta(hours=number + 2) if state in (*CODES, "running", "finishing") else None,
            end=now - timedelta(hours=number + 1) if ended else None,
            schedule=now,
            command=["/bin/true", "--name", NASTY],
            env={"ACCOUNT": "1", "API_KEY": "{sealed}"},
            env_meta={"API_KEY": {"secret": True}},
            schedule_type="adhoc-api",
        )
    ended = jobs["success"]
    ended.stdout, ended.stderr = "out ěščř", "err & <x>"
    ended.save()
    QueueEntry.objects.create(job=jobs["pending"], after=now, runtemplate=template, company=company, app=app)
    artifact = Artifact.objects.create(
        job=ended,
        filename='výpis "1".bin',
        content_type="application/octet-stream",
        kind=ArtifactKind.RESULT,
        size=len(BINARY),
        sha256=hashlib.sha256(BINARY).hexdigest(),
        artifact=BINARY,
    )
    kind = credential_type.create(SHELL, prototype=prototype, company=company, name=f"Bank {company.slug}")
    secret = credential.create(
        SHELL, company=company, kind=kind, name=NASTY, values={"ACCOUNT": "12/0100", "BANK_TOKEN": SECRETS[1]}
    )
    task = Task.objects.create(
        runtemplate=template,
        company=company,
        window_start=now - timedelta(days=1),
        window_end=now,
        deadline=now,
        state=TaskState.FULFILLED,
        fulfilled_by_job=ended,
    )
    Job.objects.filter(pk=ended.pk).update(task=task)
    source = event_source.create(
        SHELL, name=f"Source {company.slug}", db_host="db.example.org", db_password=SECRETS[0], db_database="hooks"
    )
    rule = event_rule.create(
        SHELL, runtemplate_id=template.pk, event_source_id=source.pk, evidence="invoice", env_mapping={"ID": "recordid"}
    )
    topic = Topic.objects.create(topic=f"Topic {company.slug}", color="#00aa11")
    ids = {
        "app": app.pk,
        "company": company.pk,
        "runtemplate": template.pk,
        "job": ended.pk,
        "artifact": artifact.pk,
        "credential": secret.pk,
        "credential_type": kind.pk,
        "credential_prototype": prototype.pk,
        "task": task.pk,
        "eventsource": source.pk,
        "eventrule": rule.pk,
        "topic": topic.pk,
        "schedule": QueueEntry.objects.get(job=jobs["pending"]).pk,
    }
    return Plot(company, template, jobs, ids)


def build(acme: Company, globex: Company) -> World:
    app, prototype = _app(), _prototype()
    return World(_plot(acme, app, prototype), _plot(globex, app, prototype), app)
