"""Two companies with one of everything, marked so that nothing of one can hide in an answer to the other."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

from multiflexi.models import (
    AllowedNetwork,
    Application,
    Artifact,
    ArtifactKind,
    Company,
    CompanyApp,
    CompanyEnv,
    CompanyRole,
    CompanyUser,
    ConfField,
    Credential,
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialType,
    DataExport,
    ErasureRequest,
    EventRule,
    EventSource,
    Job,
    JobOutputLine,
    JobStatus,
    LogEntry,
    NamedLimit,
    QueueEntry,
    Role,
    RunTemplate,
    Task,
    TaskState,
    Token,
    Topic,
    User,
    Worker,
    WorkerRole,
)
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_assignment, event_rule, event_source
from tests.http import a_token

# Ids that occur in no time, size or count by chance; each kind of rows has a range of its own, so that what is made
# meanwhile has the id of no other row.
FAR, RANGE = 910_000_000, 1_000_000
KINDS = (
    "Company", "CompanyEnv", "RunTemplate", "Job", "QueueEntry", "Task", "Artifact", "CredentialType", "Credential",
    "User", "EventSource", "EventRule", "Token", "NamedLimit", "LogEntry",
)  # fmt: skip
SECRET = "zzsecretzz"
SHELL = Actor(user_id=None, origin="cli")


@dataclass
class Plot:
    """A company: `marker` is in every text of it, `ids` are its rows by kind."""

    company: Company
    marker: str
    ids: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """Ids of what belongs to the installation, and the two companies."""

    acme: Plot
    globex: Plot
    common: dict[str, Any]


def build() -> World:
    """Needs the data keys. The rows of ACME and of Globex have ids far from each other and from all others."""
    common = _installation()
    acme = _plot("Acme", common, 1)
    globex = _plot("Globex", common, RANGE // 2)
    # Somebody of the company asked for, whom nobody names as a row of another one.
    common["common_person"] = acme.ids["member"]
    return World(acme, globex, common)


def far(model: type[Model], number: int, **values: Any) -> Any:
    """A row with this number in the range of its kind, after which the database counts on from there."""
    number += FAR + KINDS.index(model.__name__) * RANGE
    made = model._default_manager.create(pk=number, **values)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)
    return made


def _leave_gap(model: type[Model], number: int, **values: Any) -> None:
    """Let the database number the next row of a model far from its others."""
    far(model, number, **values).delete()


def _app(name: str, **values: Any) -> Application:
    return Application.objects.create(uuid=uuid.uuid4(), code=name[:6], name=name, executable="/bin/true", **values)


def _account(login: str) -> User:
    return User.objects.create(login=login, email=f"{login}@example.org")


def _installation() -> dict[str, Any]:
    app, spare = _app("import", tags=["bank"]), _app("spare")
    ConfField.objects.create(app=app, keyname="ACCOUNT", type="string", defval="1")
    ConfField.objects.create(app=app, keyname="API_KEY", type="secret", secret=True)
    prototypes = [
        CredentialPrototype.objects.create(uuid=uuid.uuid4(), code=code, name=code, version="1.0")
        for code in ("Bank", "Unused")
    ]
    CredentialPrototypeField.objects.create(
        credential_prototype=prototypes[0], keyword="BANK_TOKEN", type="password", name="Token"
    )
    people = [_account(login) for login in ("somebody", "leaver")]
    worker = Worker.objects.create(role=WorkerRole.EXECUTOR, name="one", host="here", boot_id="1", modules=["Native"])
    leaving = [
        ErasureRequest.objects.create(user=person, user_login=person.login, status=status)
        for person, status in ((people[0], "pending"), (_account("asked-before"), "approved"))
    ]
    export = DataExport.objects.create(user=people[0], token_hash="0", expires_at=datetime.now(UTC))
    return {
        "erasure_request": leaving[0].pk,
        "approved_erasure": leaving[1].pk,
        "data_export": export.pk,
        "app": app.pk,
        "spare_app": spare.pk,
        "prototype": prototypes[0].pk,
        "spare_prototype": prototypes[1].pk,
        "allowed_network": AllowedNetwork.objects.create(network="127.0.0.0/8").pk,
        "topic": Topic.objects.create(topic="money", color="#00aa11").pk,
        "person": people[0].pk,
        "leaver": people[1].pk,
        "role": Role.objects.get(name="viewer").pk,
        "worker": worker.pk,
        "app_uuid": str(app.uuid),
        "prototype_code": "Bank",
    }


def _plot(name: str, common: dict[str, Any], first: int) -> Plot:
    marker = f"zz{name.lower()}zz"
    app = Application.objects.get(pk=common["app"])
    company = far(
        Company, first, name=f"{name} {marker}", slug=marker[:32], ic=marker[:20], email=f"{marker}@example.org"
    )
    plot = Plot(company, marker)
    plot.ids = {"company": company.pk}
    plot.ids |= _templates(plot, app, first)
    plot.ids |= _jobs(plot, app, first)
    plot.ids |= _vault(plot, common, first)
    plot.ids |= _rest(plot, first)
    return plot


def _templates(plot: Plot, app: Application, first: int) -> dict[str, Any]:
    def made(number: int, name: str, active: bool) -> RunTemplate:
        found: RunTemplate = far(
            RunTemplate,
            number,
            name=f"{name} {plot.marker}",
            note=plot.marker,
            app=app,
            company=plot.company,
            active=active,
            complete=True,
            interv="n",
        )
        return found

    CompanyApp.objects.create(company=plot.company, app=app)
    far(CompanyEnv, first, company=plot.company, keyword="PLACE", value=plot.marker)
    return {"runtemplate": made(first, "nightly", True).pk, "idle_runtemplate": made(first + 1, "idle", False).pk}


def _jobs(plot: Plot, app: Application, first: int) -> dict[str, Any]:
    now = datetime.now(UTC).replace(microsecond=0)
    template = RunTemplate.objects.get(pk=plot.ids["runtemplate"])

    def made(number: int, status: JobStatus, **values: Any) -> Job:
        found: Job = far(
            Job,
            number,
            app=app,
            company=plot.company,
            runtemplate=template,
            launched_by=User.objects.technical(),
            status=status,
            schedule=now,
            command=["/bin/true", plot.marker],
            env={"PLACE": plot.marker, "API_KEY": "{sealed}"},
            env_meta={"API_KEY": {"secret": True}},
            schedule_type="adhoc-api",
            note=plot.marker,
            **values,
        )
        return found

    begun = {"begin": now - timedelta(hours=2)}
    over = begun | {"end": now - timedelta(hours=1)}
    failed = made(first, JobStatus.FAILED, exitcode=1, stdout=plot.marker, stderr=plot.marker, **over)
    running = made(first + 1, JobStatus.RUNNING, **begun)
    pending = made(first + 2, JobStatus.PENDING)
    old = made(first + 3, JobStatus.SUCCESS, exitcode=0, **over)
    entries = []
    for number, job in enumerate((pending, running)):
        entries.append(
            far(QueueEntry, first + number, job=job, after=now, runtemplate=template, company=plot.company, app=app)
        )
    JobOutputLine.objects.create(job=failed, seq=1, line=plot.marker)
    task = far(
        Task,
        first,
        runtemplate=template,
        company=plot.company,
        window_start=now - timedelta(days=1),
        window_end=now,
        deadline=now,
        state=TaskState.FAILED,
    )
    Job.objects.filter(pk=failed.pk).update(task=task)
    return {
        "job": failed.pk,
        "running_job": running.pk,
        "pending_job": pending.pk,
        "old_job": old.pk,
        "queue_entry": entries[0].pk,
        "artifact": _artifact(failed, first, plot.marker).pk,
        "task": task.pk,
    }


def _artifact(job: Job, number: int, text: str) -> Artifact:
    made: Artifact = far(
        Artifact,
        number,
        job=job,
        filename=f"{text}.txt",
        content_type="text/plain",
        kind=ArtifactKind.RESULT,
        note=text,
        size=len(text),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        artifact=text.encode(),
    )
    return made


def _vault(plot: Plot, common: dict[str, Any], first: int) -> dict[str, Any]:
    prototype = CredentialPrototype.objects.get(pk=common["prototype"])
    kinds = [
        far(
            CredentialType,
            number,
            name=f"bank {number % 2} {plot.marker}",
            company=plot.company,
            uuid=uuid.uuid4(),
            prototype=prototype.code,
            credential_prototype=prototype,
        )
        for number in (first, first + 1)
    ]
    _leave_gap(Credential, first - 1, name="gap", company=plot.company, credential_type=kinds[0])
    made = [
        credential.create(
            SHELL, company=plot.company, kind=kinds[0], name=f"{name} {plot.marker}", values={"BANK_TOKEN": SECRET}
        )
        for name in ("account", "second")
    ]
    template = RunTemplate.objects.get(pk=plot.ids["runtemplate"])
    credential_assignment.assign(SHELL, template, made[0], position=None)
    return {
        "credential_type": kinds[0].pk,
        "spare_credential_type": kinds[1].pk,
        "credential": made[0].pk,
        "spare_credential": made[1].pk,
    }


def _rest(plot: Plot, first: int) -> dict[str, Any]:
    person = far(User, first, login=f"member-{plot.marker}", email=f"{plot.marker}@example.org", lastname=plot.marker)
    CompanyUser.objects.create(user=person, company=plot.company, role=CompanyRole.VIEWER)
    template = RunTemplate.objects.get(pk=plot.ids["runtemplate"])
    _leave_gap(EventSource, first - 1, name="gap")
    _leave_gap(EventRule, first - 1, runtemplate=template, runtemplate_source=template)
    _leave_gap(Token, first - 1, token_hash="gap", user=person)
    source = event_source.create(
        SHELL, name=f"hooks {plot.marker}", db_host="127.0.0.1", db_port="1", db_password=SECRET
    )
    type(source).objects.filter(pk=source.pk).update(company=plot.company)
    rule = event_rule.create(
        SHELL, runtemplate_id=template.pk, event_source_id=source.pk, name=plot.marker, evidence="invoice"
    )
    audit.write(Actor(user_id=person.pk, origin="web"), "update", plot.company, changes={"name": [plot.marker, "x"]})
    a_token(person, label=plot.marker)
    return {
        "member": person.pk,
        "event_source": source.pk,
        "event_rule": rule.pk,
        "limit": far(NamedLimit, first, name=plot.marker, company=plot.company, maximum=3).pk,
        "log_entry": far(LogEntry, first, company_id=plot.company.pk, message=plot.marker, venue=plot.marker).pk,
        "audit_entry": _newest_audit_entry(plot),
        "token": person.tokens.get().pk,
    }


def _newest_audit_entry(plot: Plot) -> int:
    from multiflexi.models import AuditEntry

    return AuditEntry.objects.filter(company_id=plot.company.pk).order_by("-pk").values_list("pk", flat=True)[0]


def numbers(plot: Plot) -> frozenset[int]:
    """The ids of a company's rows that are far enough from others to be recognised."""
    return frozenset(number for number in plot.ids.values() if number >= FAR)
