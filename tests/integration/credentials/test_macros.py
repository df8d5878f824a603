"""Macros in values: a check gets what a job would, and does not judge what only a job knows."""

from __future__ import annotations

import pytest

from multiflexi import environ
from multiflexi.credentials import checking
from multiflexi.models import Application, Company, Credential, RunTemplate
from tests.integration.credentials import fake
from tests.integration.jobs_environment.builders import Bank, assign, company_value, configure

pytestmark = pytest.mark.usefixtures("ring")

SECRET = "correct horse battery"


@pytest.fixture
def bank(ring: None, acme: Company) -> Bank:
    return Bank(acme, fake.CODE)


@pytest.fixture
def template(acme: Company) -> RunTemplate:
    app = Application.objects.create(
        uuid="55555555-5555-4555-8555-555555555555", code="p", name="P", executable="/bin/true"
    )
    return RunTemplate.objects.create(app=app, company=acme, name="P")


def check(credential: Credential) -> Credential:
    return checking.check([credential.pk])[credential.pk]


def test_values_of_the_credential_and_of_its_company_are_filled_in(bank, acme, provider, monkeypatch):
    monkeypatch.setattr(environ, "file_values", lambda: {"REGION": "cz", "DB_HOST": "of-the-platform"})
    company_value(acme, "HOST", "bank.example")
    company_value(acme, "LOGIN", "a lower layer")
    credential = bank.credential(LOGIN="acme", URL="https://{LOGIN}@${HOST}/{REGION}/{{LOGIN}}")
    assert check(credential).availability == "available"
    assert provider.checked[0].values["URL"] == "https://acme@bank.example/cz/{LOGIN}"


def test_those_of_other_companies_are_not(bank, globex, provider):
    company_value(globex, "HOST", "bank.example")
    found = check(bank.credential(URL="https://{HOST}/"))
    assert (found.availability, provider.checked) == ("unknown", [])
    assert "{HOST}" in found.availability_message


@pytest.mark.parametrize("name", ["HOST", "DB_HOST", "MULTIFLEXI_JOB_ID"])
def test_what_only_a_job_knows_is_not_judged(bank, provider, monkeypatch, name):
    monkeypatch.setattr(environ, "file_values", lambda: {"DB_HOST": "of-the-platform"})
    found = check(bank.credential(URL=f"https://{{{name}}}/"))
    assert (found.availability, provider.checked) == ("unknown", [])


def test_what_a_run_template_sets_itself_is_not_judged(bank, acme, template, provider):
    company_value(acme, "HOST", "bank.example")
    credential = bank.credential(URL="https://{HOST}/")
    assign(template, credential)
    assert check(credential).availability == "available"
    configure(template, "HOST", "other.example")
    assert check(credential).availability == "unknown"
    template.configuration.update(inactive=True)
    assert check(credential).availability == "available"


def test_braces_of_secrets_are_characters(bank, provider):
    check(bank.credential(secret=("TOKEN",), LOGIN="acme", TOKEN="{LOGIN}-{HOST}"))
    assert provider.checked[0].values["TOKEN"] == "{LOGIN}-{HOST}"


def test_what_contains_a_secret_is_one(bank, acme, provider):
    company_value(acme, "API_KEY", SECRET, seal=True)
    credential = bank.credential(URL="https://x:{API_KEY}@bank.example/")
    provider.says(provider.result.state, f"refused: {SECRET}")
    found = check(credential)
    assert provider.checked[0].values["URL"] == f"https://x:{SECRET}@bank.example/"
    assert SECRET not in found.availability_message
    assert "refused" in found.availability_message


def test_a_circle_is_a_persons_work(bank, provider):
    found = check(bank.credential(URL="{LOGIN}", LOGIN="{URL}"))
    assert (found.availability, provider.checked) == ("misconfigured", [])
    assert "URL → LOGIN → URL" in found.availability_message or "LOGIN → URL → LOGIN" in found.availability_message


def test_a_value_of_the_company_that_cannot_be_opened_is_told(bank, acme, provider):
    company_value(acme, "API_KEY", SECRET, seal=True)
    acme.environment.update(value="{}")
    found = check(bank.credential(URL="https://{API_KEY}/"))
    assert (found.availability, provider.checked) == ("misconfigured", [])


def test_a_provider_that_supplies_gets_values_as_they_are_stored(bank, provider):
    """Those of a job are expanded with all that it gets, and a copy of a value is to be expanded likewise."""
    from multiflexi.credentials.asking import Asker
    from multiflexi.credentials.questions import questions

    credential = bank.credential(LOGIN="acme", URL="https://{LOGIN}/{HOST}")
    (question,) = questions(list(checking.stored([credential.pk]).values())).values()
    answer = Asker().ask(question, check=True, resolve=True).wait()
    assert (answer.result.state, dict(answer.values)) == ("unknown", {})
    assert provider.resolved[0].values["URL"] == "https://{LOGIN}/{HOST}"


def test_without_macros_nothing_more_is_read(bank, acme, provider, django_assert_num_queries):
    from multiflexi.credentials.questions import questions

    company_value(acme, "HOST", "bank.example")
    credentials = list(checking.stored([bank.credential(LOGIN="acme").pk]).values())
    with django_assert_num_queries(5):
        questions(credentials)
