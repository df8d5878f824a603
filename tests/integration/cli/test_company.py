"""Companies and their variables."""

from __future__ import annotations

import json

import pytest

from multiflexi.models import AuditEntry, Company, CompanyEnv, Contact, Job, RunTemplate, User
from multiflexi.vault import envelope

from .conftest import Cli


def test_create_answers_with_the_id_in_every_shape(cli: Cli) -> None:
    line = cli("company:create", "--name", "Third").out
    first = Company.objects.get().pk
    assert line == f"Company Third created, ID: {first}\n"
    assert cli("company:create", "--name", "Acme Corp", "-f", "json").json == {"company_id": first + 1, "id": first + 1}
    record = cli("company:create", "--name", "Žlutá", "-v", "-f", "json").json
    assert (record["id"], record["enabled"], record["setup"], record["server"]) == (first + 2, 1, 0, 0)
    assert list(Company.objects.order_by("id").values_list("slug", flat=True)) == ["third", "acme_corp", "_lut_"]


def test_a_taken_slug_gets_a_number(cli: Cli) -> None:
    for name in ("A b", "A-b", "A.b"):
        assert cli("company:create", "--name", name).code == 0
    assert sorted(Company.objects.values_list("slug", flat=True)) == ["a_b", "a_b_2", "a_b_3"]


def test_duplicates_say_that_they_already_exist(cli: Cli, acme: Company) -> None:
    for words in (["--name", "ACME"], ["--name", "Other", "--slug", "acme"]):
        outcome = cli("company:create", *words, "-f", "json")
        assert (outcome.code, outcome.json["code"]) == (1, "company_exists")
        assert "already exists" in outcome.json["message"]
    assert Company.objects.count() == 1


def test_upper_case_slugs_survive(cli: Cli) -> None:
    cli("company:create", "--name", "Demo", "--slug", "DEMO")
    assert cli("company:get", "--slug", "DEMO", "-f", "json").json["slug"] == "DEMO"


@pytest.mark.parametrize("selector", [["acme"], ["--id=acme"], ["--slug", "acme"], ["--name", "ACME"], ["--ic", "123"]])
def test_get_finds_by_every_key(cli: Cli, acme: Company, selector: list[str]) -> None:
    Company.objects.update(ic="123")
    assert cli("company:get", *selector, "-f", "json").json["id"] == acme.pk


def test_empty_values_empty_nullable_columns(cli: Cli, acme: Company) -> None:
    Company.objects.update(ic="1", email="a@example.org")
    assert (
        cli("company:update", "--id", acme.pk, "--name", "ACME", "--email", "", "--ic", "", "--slug", "acme").code == 0
    )
    acme.refresh_from_db()
    assert (acme.ic, acme.email) == (None, None)


def test_update_tells_whether_anything_changed(cli: Cli, acme: Company) -> None:
    assert cli("company:update", acme.pk, "--email", "a@example.org", "-f", "json").json == {
        "updated": True,
        "company_id": acme.pk,
    }
    again = cli("company:update", acme.pk, "--email", "a@example.org", "-f", "json").json
    assert (again["updated"], "message" in again) == (False, True)
    entry = AuditEntry.objects.get(action="update")
    assert (entry.company_id, entry.origin) == (acme.pk, "cli")
    assert entry.changes["email"]["new"] == "a@example.org"


def test_update_without_id_selects_by_slug(cli: Cli, acme: Company) -> None:
    assert cli("company:update", "--code", "acme", "--zabbix_host", "mon1").code == 0
    acme.refresh_from_db()
    assert (acme.slug, acme.zabbix_host) == ("acme", "mon1")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--slug", "has blank"], "slug"),
        (["--settings", "{"], "settings"),
        (["--customer", "77"], "customer"),
        (["--name", " "], "name"),
        (["--color", "#123456789"], "color"),
    ],
)
def test_unusable_values_name_the_field(cli: Cli, acme: Company, words: list[str], field: str) -> None:
    outcome = cli("company:update", acme.pk, *words, "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (1, "invalid_value")
    assert field in outcome.json["message"]
    assert not AuditEntry.objects.filter(action="update").exists()


def test_settings_customer_and_times(cli: Cli, acme: Company) -> None:
    contact = Contact.objects.create(firstname="Jan")
    words = ["--settings", '{"a": 1}', "--customer", contact.pk, "--DatCreate", "2020-01-02 03:04:05"]
    assert cli("company:update", acme.pk, *words).code == 0
    record = cli("company:get", acme.pk, "-f", "json").json
    assert json.loads(record["settings"]) == {"a": 1}
    assert (record["customer"], record["DatCreate"]) == (contact.pk, "2020-01-02 03:04:05")


def test_disabling_takes_the_run_templates_off_the_schedule(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--interv", "daily")
    template.refresh_from_db()
    assert template.next_schedule is not None
    cli("company:update", "acme", "--status", "inactive")
    template.refresh_from_db()
    assert template.next_schedule is None
    cli("company:update", "acme", "--enabled", "yes")
    template.refresh_from_db()
    assert template.next_schedule is not None


def test_remove_refuses_while_anything_depends_on_it(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:schedule", template.pk)
    outcome = cli("company:remove", "acme", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (1, "company_has_dependants")
    assert outcome.json["details"]["dependants"]["run templates"] == 1
    assert "--cascade" in outcome.err
    assert "--cascade" in outcome.json["message"]


def test_cascade_asks_first(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:schedule", template.pk)
    assert cli("company:remove", "acme", "--cascade", "-n").code == 1
    assert cli("company:remove", "acme", "--cascade", stdin="n\n").code == 1
    assert "] \nAborted" in cli("company:remove", "acme", "--cascade", stdin="").err
    assert Company.objects.exists()
    assert cli("company:remove", "acme", "--cascade", stdin="y\n").code == 0
    assert not Company.objects.exists()
    assert not Job.objects.exists()
    assert not RunTemplate.objects.exists()
    assert AuditEntry.objects.filter(action="delete", entity_type="Company").count() == 1


def test_cascade_is_refused_while_a_job_is_under_way(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:schedule", template.pk)
    Job.objects.update(status="running")
    outcome = cli("company:remove", "acme", "--cascade", "-y", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (1, "jobs_active")
    assert Company.objects.exists()


def test_a_variable_is_stored_shown_and_removed(cli: Cli, acme: Company) -> None:
    assert cli("company", "env", "set", "--company", "acme", "--key", "REGION", "--value", "eu").code == 0
    assert cli("company:env", "list", "--company=acme", "-f", "json").json[0]["value"] == "eu"
    assert cli("company:env", "export", "--company", "acme").out == "export REGION=eu\n"
    assert cli("company:env", "unset", "--company", "acme", "--key", "REGION").code == 0
    assert cli("company:env", "unset", "--company", "acme", "--key", "REGION").code == 1
    assert not CompanyEnv.objects.exists()


def test_a_secret_variable_is_sealed_and_not_exported(cli: Cli, acme: Company) -> None:
    cli("company:env", "set", "--company", "acme", "--key", "API_TOKEN", "--value", "-", stdin="s3cret\n")
    entry = CompanyEnv.objects.get()
    assert entry.secret
    assert envelope.open_sealed(entry.value, table="company_env", field="value", record=entry.pk) == "s3cret"
    assert cli("company:env", "list", "--company", "acme", "-f", "json").json[0]["value"] == "•" * 8
    assert cli("company:env", "export", "--company", "acme").out == "# API_TOKEN is secret and not exported\n"
    assert "s3cret" not in json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))


@pytest.mark.parametrize("value", ["••••••••", "", "(not set)"])
def test_a_mask_written_back_changes_nothing(cli: Cli, acme: Company, value: str) -> None:
    cli("company:env", "set", "--company", "acme", "--key", "API_TOKEN", "--value", "s3cret")
    before = CompanyEnv.objects.get().value
    cli("company:env", "set", "--company", "acme", "--key", "API_TOKEN", "--value", value)
    assert CompanyEnv.objects.get().value == before


@pytest.mark.parametrize("key", ["MULTIFLEXI_JOB_ID", "A=B", "LD_PRELOAD"])
def test_names_of_the_platform_are_refused(cli: Cli, acme: Company, key: str) -> None:
    assert cli("company:env", "set", "--company", "acme", "--key", key, "--value", "x").code == 1


def test_an_unknown_action_is_wrong_use(cli: Cli, acme: Company) -> None:
    assert cli("company:env", "frob", "--company", "acme").code == 2


def test_a_variable_that_was_missing_makes_run_templates_complete(cli: Cli, template: RunTemplate) -> None:
    template.configuration.all().delete()
    cli("run-template:update", template.pk, "--interv", "d")
    template.refresh_from_db()
    assert (template.complete, template.next_schedule) == (False, None)
    cli("company:env", "set", "--company", "acme", "--key", "GREETING", "--value", "hi")
    template.refresh_from_db()
    assert template.complete
    assert template.next_schedule is not None


def test_reading_creates_no_account_and_changing_one(cli: Cli, acme: Company) -> None:
    before = User.objects.count()
    cli("company:list")
    cli("company:get", "acme")
    assert User.objects.count() == before
    cli("company:update", "acme", "--phone", "1")
    author = User.objects.latest("id")
    assert User.objects.count() == before + 1
    assert not author.enabled
    assert AuditEntry.objects.get(action="update").user_id == author.pk


def test_a_bare_secret_seals_a_variable_whatever_its_name(cli: Cli, acme: Company) -> None:
    words = ("company:env", "set", "--company", "acme", "--key", "REGION", "--value", "s3cretvalue", "--secret")
    assert cli(*words, "-f", "json").json["secret"] is True
    assert "s3cretvalue" not in cli("company:env", "export", "--company", "acme").out


def test_a_derived_slug_can_be_written_back(cli: Cli) -> None:
    cli("company:create", "--name", "Česká pekárna")
    assert Company.objects.get().slug == "_esk__pek_rna"
    assert cli("company:update", "_esk__pek_rna", "--slug", "_esk__pek_rna", "--ic", "1").code == 0
    assert cli("company:update", "_esk__pek_rna", "--slug", "-x").code == 1
