"""A small world to ask about: everything of ACME that has an address, and callers with real headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from multiflexi.models import (
    AllowedNetwork,
    AppArtifact,
    AppExitCode,
    AppExitCodeTranslation,
    Application,
    ApplicationTranslation,
    Artifact,
    Company,
    ConfField,
    CredentialPrototype,
    EventRule,
    EventSource,
    Job,
    JobOutputLine,
    JobStatus,
    LogEntry,
    RunTemplate,
    Task,
    Topic,
    User,
    Worker,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import (
    company_env,
    credential_assignment,
    limit,
    run_template,
    run_template_run,
)
from tests.http import basic
from tests.integration.services.bank import make_credential, make_type

SHELL = Actor(user_id=None, origin="cli")
JSON = "application/json"


class Caller:
    """Somebody at the door of API v2; paths are relative to it."""

    def __init__(self, client: Client, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        options: dict[str, Any] = {} if body is None else {"data": body, "content_type": JSON}
        return getattr(self.client, method)(f"/api/v2/{path}", headers=given, **options)

    def get(self, path: str, **headers: str) -> Any:
        return self("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("post", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self("put", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self("patch", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self("delete", path, **headers)


@pytest.fixture
def as_user(client: Client) -> Callable[[User], Caller]:
    return lambda user: Caller(client, basic(user))


@pytest.fixture
def alice_asks(as_user: Callable[[User], Caller], alice: User) -> Caller:
    return as_user(alice)


@pytest.fixture
def bob_asks(as_user: Callable[[User], Caller], bob: User) -> Caller:
    return as_user(bob)


@pytest.fixture
def carol_asks(as_user: Callable[[User], Caller], carol: User) -> Caller:
    return as_user(carol)


@pytest.fixture
def root_asks(as_user: Callable[[User], Caller], root: User) -> Caller:
    return as_user(root)


@pytest.fixture
def app(db: None) -> Application:
    made = Application.objects.create(
        uuid="44444444-4444-4444-8444-444444444444", code="probe", name="Probe", executable="/bin/true", tags=["bank"]
    )
    ApplicationTranslation.objects.create(app=made, lang="cs", name="Sonda", description="Zkouší spojení")
    ConfField.objects.create(app=made, keyname="TARGET", type="string", required=True, position=1)
    ConfField.objects.create(app=made, keyname="PROBE_PASSWORD", type="password", position=2)
    AppArtifact.objects.create(app=made, path=r".*\.csv")
    code = AppExitCode.objects.create(app=made, exit_code=3, severity="warning")
    AppExitCodeTranslation.objects.create(app_exit_code=code, lang="en", description="No data")
    AppExitCodeTranslation.objects.create(app_exit_code=code, lang="cs", description="Žádná data")
    return made


@pytest.fixture
def template(ring: None, acme: Company, app: Application) -> RunTemplate:
    return run_template.create(SHELL, name="Probe ACME", app=app, company=acme, config={"TARGET": "x"}, interv="d")


@dataclass
class World:
    """Ids of what ACME has, by the names that addresses give them."""

    ids: dict[str, int] = field(default_factory=dict)

    def path(self, address: str) -> str:
        """The address with the ids of this world."""
        filled = address
        for converter in ("<int:company_id>", "<int:job_id>", "<int:app_id>", "<int:user_id>", "<int:credential_id>"):
            name = converter[5:-1].removesuffix("_id")
            filled = filled.replace(converter, str(self.ids.get(name, 0)))
        filled = filled.replace("<int:id>", str(self.ids.get(address.partition("/")[0], 0)))
        return filled.replace("<str:key>", "REGION").replace("<str:name>", "Native")


def ended_job(template: RunTemplate, status: JobStatus = JobStatus.FAILED, exitcode: int | None = 3) -> Job:
    """A job of the run template that ended an hour ago, with two lines and one file."""
    now = timezone.now()
    job = Job.objects.create(
        app=template.app,
        company=template.company,
        runtemplate=template,
        launched_by=User.objects.technical(),
        status=status,
        exitcode=exitcode,
        begin=now - timedelta(hours=1),
        end=now,
        executor="Native",
    )
    JobOutputLine.objects.create(job=job, seq=1, type="stdout", line="first \x1b[31mred\x1b[0m")
    JobOutputLine.objects.create(job=job, seq=2, type="stderr", line="second <b>")
    return job


@pytest.fixture
def world(template: RunTemplate, acme: Company, app: Application, alice: User) -> World:
    job = ended_job(template)
    by_alice = Actor(user_id=alice.pk, origin="cli")
    waiting = run_template_run.schedule(by_alice, template, after=timezone.now() + timedelta(days=1))
    artifact = Artifact.objects.create(job=job, filename="data.bin", size=10, artifact=b"0123456789", sha256="ab" * 32)
    kind = make_type(acme)
    # What was made here is no definition file.
    CredentialPrototype.objects.update(manifest=None)
    kind.refresh_from_db()
    credential = make_credential(kind, acme)
    credential_assignment.assign(SHELL, template, credential)
    made = limit.create(SHELL, name="Bank", maximum=1, company=acme, users=[app, kind])
    start = timezone.now() - timedelta(days=1)
    task = Task.objects.create(
        runtemplate=template, company=acme, window_start=start, window_end=timezone.now(), deadline=timezone.now()
    )
    company_env.set_value(SHELL, acme, "REGION", "cz")
    company_env.set_value(SHELL, acme, "MAIL_PASSWORD", "pa55word-of-mail")
    log = LogEntry.objects.create(company_id=acme.pk, message="hello", venue="test")
    source = EventSource.objects.create(name="Flexi", company=acme)
    rule = EventRule.objects.create(event_source=source, runtemplate=template)
    entry = audit.write(SHELL, "look", acme)
    topic = Topic.objects.create(topic="banks")
    worker = Worker.objects.create(role="executor", name="one", host="h", boot_id="b")
    queued: Any = waiting
    return World(
        {
            "companies": acme.pk,
            "company": acme.pk,
            "apps": app.pk,
            "app": app.pk,
            "runtemplates": template.pk,
            "jobs": job.pk,
            "job": job.pk,
            "waiting": waiting.pk,
            "artifacts": artifact.pk,
            "schedule": queued.queue_entry.pk,
            "tasks": task.pk,
            "credentials": credential.pk,
            "credential": credential.pk,
            "credential-types": kind.pk,
            "credential-prototypes": kind.credential_prototype_id or 0,
            "limits": made.pk,
            "logs": log.pk,
            "audit-log": entry.pk,
            "event-sources": source.pk,
            "event-rules": rule.pk,
            "topics": topic.pk,
            "security": AllowedNetwork.objects.create(network="127.0.0.0/8").pk,
            "users": alice.pk,
            "user": alice.pk,
            "workers": worker.pk,
            "roles": 1,
        }
    )


@pytest.fixture
def another_template(template: RunTemplate) -> RunTemplate:
    return run_template.clone(SHELL, template, f"Copy {uuid4().hex[:4]}")
