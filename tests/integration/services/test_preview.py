"""The preview of a run: exact command and environment, masked, every value with its source."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from multiflexi.jobs.environment import SEARCH_PATH
from multiflexi.models import Application, Availability, Company, Credential, Job, RunTemplate
from multiflexi.services.run_template_run import preview
from multiflexi.vault import keyring
from multiflexi.vault.errors import MasterKeyMissing
from multiflexi.vault.secrecy import MASK
from tests.integration.jobs_environment.builders import Bank, assign, company_value, configure, declare

SECRET = "hunter2-of-the-bank"


@pytest.fixture
def template(ring: None, acme: Company) -> RunTemplate:
    app = Application.objects.create(
        uuid="55555555-5555-4555-8555-555555555555",
        code="p",
        name="P",
        executable="/bin/echo",
        cmdparams="{CITY} {URL}",
    )
    declare(app, "CITY", defval="Brno")
    return RunTemplate.objects.create(app=app, company=acme, name="P")


def shown(template: RunTemplate, **overrides: str) -> dict[str, dict]:
    return {one["name"]: one for one in preview(template, overrides)["environment"]}


def test_every_value_has_its_source_and_what_it_overrides(template, acme):
    company_value(acme, "CITY", "Praha")
    configure(template, "CITY", "Plzeň")
    credential = Bank(acme).credential("Main", CITY="Zlín", TOKEN=SECRET, secret=["TOKEN"])
    assign(template, credential)
    found = shown(template)
    assert (found["CITY"]["value"], found["CITY"]["source"], found["CITY"]["source_name"]) == (
        "Zlín",
        f"credential:{credential.pk}",
        "credential Main",
    )
    assert [one["source_name"] for one in found["CITY"]["overridden"]] == [
        "definition of the application",
        "company",
        "run template",
    ]
    assert (found["TOKEN"]["value"], found["TOKEN"]["secret"]) == (MASK, True)
    assert shown(template, CITY="Olomouc")["CITY"]["source_name"] == "values given for this run"


def test_the_environment_is_complete(template):
    found = shown(template)
    assert (found["PATH"]["value"], found["PATH"]["source"]) == (SEARCH_PATH, "platform")
    assert {"HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "MULTIFLEXI_TMP", "MULTIFLEXI_COMPANY_CODE"} <= set(found)
    assert list(found) == sorted(found)


def test_a_secret_that_stands_where_nobody_declared_one_is_masked(template, acme):
    assign(template, Bank(acme).credential(TOKEN=SECRET, secret=["TOKEN"]))
    configure(template, "URL", f"https://bank.example/?key={SECRET}")
    data = preview(template)
    assert SECRET not in str(data)
    assert data["command"] == ["/bin/echo", "Brno", f"https://bank.example/?key={MASK}"]


def test_two_credentials_with_one_name_are_told_and_the_later_one_counts(template, acme):
    first = Bank(acme, "First").credential("A", CITY="Zlín")
    second = Bank(acme, "Second").credential("B", CITY="Jihlava")
    assign(template, second, position=1)
    assign(template, first, position=0)
    for _ in range(3):
        data = preview(template)
        found = next(one for one in data["environment"] if one["name"] == "CITY")
        assert (found["value"], found["source_name"]) == ("Jihlava", "credential B")
        (warning,) = data["warnings"]
        assert f"credential:{first.pk}" in warning and f"credential:{second.pk}" in warning
    template.assigned_credentials.filter(credential=first).update(position=2)
    assert shown(template)["CITY"]["value"] == "Zlín"


def test_of_equal_positions_the_later_assignment_counts(template, acme):
    for name in ("First", "Second", "Third"):
        assign(template, Bank(acme, name).credential(name, CITY=name))
    assert shown(template)["CITY"]["value"] == "Third"


def test_what_stands_in_the_way_is_told_and_nothing_runs(template):
    declare(template.app, "NEEDED", required=True)
    configure(template, "LOOP", "{LOOP}")
    assert any("LOOP → LOOP" in problem for problem in preview(template)["problems"])
    template.configuration.all().delete()
    assert "NEEDED is required and has no value." in preview(template)["problems"]
    assert not Job.objects.exists()


def test_what_a_process_is_not_given_is_told_and_not_shown(template):
    declare(template.app, "BANKA+", defval="plus")
    found = preview(template)
    assert "BANKA+" not in {one["name"] for one in found["environment"]}
    assert any("BANKA+" in text for text in found["warnings"])


def test_what_a_credential_keeps_from_the_run_is_told(template, acme):
    credential = Bank(acme).credential("Main", LOGIN="me")
    assign(template, credential)
    Credential.objects.update(
        availability=Availability.MISCONFIGURED,
        availability_message="wrong password",
        check_valid_until=timezone.now() + timedelta(minutes=1),
    )
    assert any("Main" in text and "wrong password" in text for text in preview(template)["problems"])
    Credential.objects.update(check_valid_until=timezone.now() - timedelta(minutes=1))
    assert not any("wrong password" in text for text in preview(template)["problems"])


def test_values_that_a_provider_gives_at_the_start_only_are_announced(template, acme):
    bank = Bank(acme, "VaultWarden")
    assign(template, bank.credential("Safe", LOGIN="me"))
    assert any("Safe" in text and "start" in text for text in preview(template)["warnings"])


def test_a_required_credential_that_is_not_assigned_stands_in_the_way(template, acme):
    bank = Bank(acme)
    bank.prototype.fields.filter(keyword="TOKEN").update(required=True)
    Application.objects.update(requirements=["bank"])
    template = RunTemplate.objects.get(pk=template.pk)
    assert any("credential of kind" in text for text in preview(template)["problems"])
    assign(template, bank.credential("Main", TOKEN=SECRET, secret=["TOKEN"]))
    assert not any("credential of kind" in text for text in preview(template)["problems"])


def test_without_the_master_key_there_is_one_clear_error(template, settings):
    configure(template, "API_TOKEN", SECRET, seal=True)
    settings.ENCRYPTION_MASTER_KEY = None
    keyring.forget()
    with pytest.raises(MasterKeyMissing, match="ENCRYPTION_MASTER_KEY"):
        preview(template)
