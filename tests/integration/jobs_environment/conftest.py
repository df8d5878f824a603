"""A run template whose environment comes from every layer."""

from __future__ import annotations

import uuid

import pytest

from multiflexi.models import Application, RunTemplate
from multiflexi.vault import keyring
from tests.integration.jobs_environment.builders import Bank, make_job


@pytest.fixture(autouse=True)
def ring(db):
    keyring.forget()
    keyring.ensure_keys()
    yield
    keyring.forget()


@pytest.fixture
def make_app(db):
    def make(code="probe", **more):
        return Application.objects.create(
            uuid=uuid.uuid5(uuid.NAMESPACE_DNS, code), code=code, name=code.title(), executable=code, **more
        )

    return make


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def template(app, acme):
    return RunTemplate.objects.create(app=app, company=acme, name="Nightly")


@pytest.fixture
def job(template, alice):
    return make_job(template, alice)


@pytest.fixture
def bank(acme):
    return Bank(acme)
