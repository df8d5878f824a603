"""Short ways to fill the layers of an environment."""

from __future__ import annotations

import uuid

from multiflexi.models import (
    CompanyEnv,
    ConfField,
    Configuration,
    Credential,
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    Job,
    RunTemplateCredential,
)
from multiflexi.vault import envelope


def make_job(template, user, **more):
    return Job.objects.create(
        app=template.app, company=template.company, runtemplate=template, launched_by=user, **more
    )


def declare(app, name, **more):
    return ConfField.objects.create(app=app, keyname=name, **more)


def configure(template, name, value, *, seal=False, **more):
    row = Configuration.objects.create(runtemplate=template, name=name, value=None if seal else value, **more)
    if seal:
        sealed(row, value)
    return row


def company_value(company, name, value, *, seal=False):
    row = CompanyEnv.objects.create(company=company, keyword=name, value="" if seal else value, secret=seal)
    if seal:
        sealed(row, value)
    return row


def override(job, name, value, *, seal=False):
    text = (
        envelope.seal(value, key="credentials", table="job", field=f"overrides.{name}", record=job.pk)
        if seal
        else value
    )
    job.overrides = {**(job.overrides or {}), name: text}
    job.save()


def sealed(row, value):
    table = row._meta.db_table
    row.value = envelope.seal(value, key="credentials", table=table, field="value", record=row.pk)
    if hasattr(row, "is_encrypted"):
        row.is_encrypted = True
    row.save()


class Bank:
    """A kind of credential with a login, a token and a URL."""

    def __init__(self, company, name="Bank", fields=(("LOGIN", "string"), ("TOKEN", "password"), ("URL", "url"))):
        self.company = company
        self.prototype = CredentialPrototype.objects.create(uuid=uuid.uuid4(), code=name, name=name)
        for keyword, type_ in fields:
            CredentialPrototypeField.objects.create(
                credential_prototype=self.prototype, keyword=keyword, type=type_, secret=type_ == "password"
            )
        self.type = CredentialType.objects.create(
            name=name, company=company, prototype=name, credential_prototype=self.prototype
        )

    def type_value(self, name, value, kind, *, seal=False):
        row = CredentialTypeValue.objects.create(credential_type=self.type, name=name, value=value, kind=kind)
        if seal:
            sealed(row, value)
        return row

    def credential(self, name="Main", *, secret=(), company=None, **values):
        credential = Credential.objects.create(
            name=name, company=company or self.company, credential_type=self.type, version=3
        )
        for key, value in values.items():
            row = CredentialValue.objects.create(credential=credential, name=key, value=value)
            if key in secret:
                sealed(row, value)
        return credential


def assign(template, credential, position=0):
    return RunTemplateCredential.objects.create(runtemplate=template, credential=credential, position=position)
