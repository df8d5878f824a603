"""One sealed value at each place there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multiflexi.jobs.inputs import sealed_content
from multiflexi.models import (
    CompanyEnv,
    Configuration,
    Credential,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    EventSource,
    FileStore,
    Job,
    KeptFile,
    RunTemplate,
    SecondFactor,
    User,
)
from multiflexi.vault import envelope

SECRET = "hunter2-of-{}"


def _seal(row: Any, field: str, text: str, company_id: int | None) -> str:
    return envelope.seal(
        text, key="credentials", table=row._meta.db_table, field=field, record=row.pk, company_id=company_id
    )


def _column(row: Any, text: str, company_id: int, **changes: Any) -> Any:
    row.value = _seal(row, "value", text, company_id)
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()
    return row


def _credential(template: RunTemplate) -> Credential:
    company = template.company
    kind, _ = CredentialType.objects.get_or_create(name="Bank", company=company)
    return Credential.objects.get_or_create(name="Main", company=company, credential_type=kind)[0]


def credential_value(template: RunTemplate, text: str, name: str = "TOKEN") -> CredentialValue:
    row = CredentialValue.objects.create(credential=_credential(template), name=name)
    sealed = _column(row, text, template.company_id, is_encrypted=True)
    sealed.key_id = envelope.key_id_of(sealed.value)
    sealed.save()
    return sealed


def type_value(template: RunTemplate, text: str) -> CredentialTypeValue:
    row = CredentialTypeValue.objects.create(
        credential_type=_credential(template).credential_type, name="CLIENT_SECRET"
    )
    return _column(row, text, template.company_id, is_encrypted=True)


def kept_file(template: RunTemplate, text: str) -> KeptFile:
    row = KeptFile.objects.create(company=template.company, variable="RATES", owner="x")
    row.content = _seal(row, "content", text, template.company_id)
    row.is_encrypted = True
    row.save()
    return row


def configuration(template: RunTemplate, text: str) -> Configuration:
    row = Configuration.objects.create(runtemplate=template, name="PASSWORD")
    return _column(row, text, template.company_id, is_encrypted=True)


def company_env(template: RunTemplate, text: str) -> CompanyEnv:
    row = CompanyEnv.objects.create(company=template.company, keyword="API_KEY", secret=True)
    return _column(row, text, template.company_id)


def upload(template: RunTemplate, text: str) -> FileStore:
    row = FileStore.objects.create(runtemplate=template, field="CERT", file_name="cert.pem", secret=True)
    row.file_data = sealed_content(text.encode(), row.pk, template.company_id)
    row.save()
    return row


def second_factor(template: RunTemplate, text: str) -> SecondFactor:
    row = SecondFactor.objects.create(user=User.objects.create(login=f"owner of {SecondFactor.objects.count()}"))
    row.secret = _seal(row, "secret", text, None)
    row.save()
    return row


def _job(template: RunTemplate) -> Job:
    owner = User.objects.technical()
    return Job.objects.create(app=template.app, company=template.company, runtemplate=template, launched_by=owner)


def job_env(template: RunTemplate, text: str) -> Job:
    job = _job(template)
    job.env = {"CITY": "Brno", "TOKEN": _seal(job, "env.TOKEN", text, template.company_id), "GONE": None}
    job.save()
    return job


def job_overrides(template: RunTemplate, text: str) -> Job:
    job = _job(template)
    job.overrides = {"CITY": "Brno", "TOKEN": _seal(job, "overrides.TOKEN", text, template.company_id)}
    job.save()
    return job


def source_password(template: RunTemplate, text: str) -> EventSource:
    row = EventSource.objects.create(name=f"By password {template.pk}", company=template.company)
    row.db_password = _seal(row, "db_password", text, template.company_id)
    row.save()
    return row


def source_config(template: RunTemplate, text: str) -> EventSource:
    row = EventSource.objects.create(name=f"By token {template.pk}", company=template.company)
    row.config = {"path": "/hooks", "TOKEN": _seal(row, "config.TOKEN", text, template.company_id)}
    row.save()
    return row


BUILDERS: dict[tuple[str, str], Callable[[RunTemplate, str], Any]] = {
    ("credata", "value"): credential_value,
    ("credtypedata", "value"): type_value,
    ("kept_file", "content"): kept_file,
    ("configuration", "value"): configuration,
    ("company_env", "value"): company_env,
    ("file_store", "file_data"): upload,
    ("event_source", "db_password"): source_password,
    ("event_source", "config"): source_config,
    ("second_factor", "secret"): second_factor,
    ("job", "env"): job_env,
    ("job", "overrides"): job_overrides,
}


def fill(template: RunTemplate) -> dict[tuple[str, str], Any]:
    """A sealed value of its own at each place."""
    return {place: build(template, SECRET.format(place[0])) for place, build in BUILDERS.items()}
