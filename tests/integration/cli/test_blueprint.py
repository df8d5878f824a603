"""Set-ups as files: apply and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from multiflexi.models import (
    Application,
    AuditEntry,
    Company,
    CompanyEnv,
    Configuration,
    Credential,
    CredentialType,
    RunTemplate,
    RunTemplateCredential,
)
from multiflexi.record.actor import Actor
from multiflexi.services import blueprint, company_env, prototype_sync
from tests.integration.cli.conftest import Cli, Outcome

HAND = Actor(user_id=None, origin="cli")
SECRET = "s3cr3t-value-that-must-not-show"
FILE = """\
format: multiflexi/1
applications:
  greeter: {uuid: 11111111-1111-4111-8111-111111111111}
companies:
- name: Initech
  slug: initech
  timezone: Europe/Prague
  environment:
    REGION: cz
    BACKUP_PASSWORD: {from_env: INITECH_BACKUP}
  credentials:
  - name: Database of Initech
    kind: DatabaseConnection
    values:
      DB_CONNECTION: pgsql
      DB_HOST: db.example.org
      DB_DATABASE: books
      DB_USERNAME: reader
      DB_PASSWORD: {from_file: password.txt}
  run_templates:
  - name: Greeting
    application: greeter
    interval: daily
    delay: 60
    retry_on_exit_codes: [75, 3]
    cpu_limit: 1.5
    values: {GREETING: hello, COUNT: 007, API_KEY: {from_env: INITECH_KEY}}
    credentials: [Database of Initech]
"""


@pytest.fixture
def setup_file(tmp_path: Path, echo: Application, ring: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    prototype_sync.sync(HAND)
    monkeypatch.setenv("INITECH_BACKUP", SECRET)
    monkeypatch.setenv("INITECH_KEY", f"{SECRET}-key")
    (tmp_path / "password.txt").write_text(f"{SECRET}-db\n", encoding="utf-8")
    path = tmp_path / "setup.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def _apply(cli: Cli, path: Path, *words: str) -> Outcome:
    done = cli("apply", "-f", path, "--format", "json", *words)
    assert SECRET not in done.out + done.err
    return done


def test_a_file_makes_a_company_with_all_it_says(cli: Cli, setup_file: Path) -> None:
    done = _apply(cli, setup_file)
    assert done.code == 0, done.err
    made = {(one["object"], one["name"], one["action"]) for one in done.json["changes"]}
    assert made >= {
        ("company", "initech", "create"),
        ("credential", "initech / Database of Initech", "create"),
        ("run template", "initech / Greeting", "create"),
    }
    template = RunTemplate.objects.select_related("company").get(name="Greeting")
    assert (template.company.slug, template.interv, template.delay, template.complete) == ("initech", "d", 60, True)
    assert template.retry_on_exit_codes == [3, 75]
    assert template.next_schedule is not None
    assert dict(template.configuration.values_list("name", "value"))["COUNT"] == "007"
    assert Configuration.objects.get(name="API_KEY").is_encrypted
    assert CompanyEnv.objects.get(keyword="BACKUP_PASSWORD").secret
    assert [one.credential.name for one in template.assigned_credentials.all()] == ["Database of Initech"]


def test_applying_twice_changes_nothing(cli: Cli, setup_file: Path) -> None:
    _apply(cli, setup_file)
    entries = AuditEntry.objects.count()
    again = _apply(cli, setup_file)
    assert again.json["changes"] == []
    assert again.json["unchanged"] == 3
    assert AuditEntry.objects.count() == entries


def test_a_trial_run_tells_the_same_and_stores_nothing(cli: Cli, setup_file: Path) -> None:
    tried = _apply(cli, setup_file, "--dry-run")
    assert tried.json["dry_run"] is True
    assert (
        not Company.objects.exists()
        and not CredentialType.objects.exists()
        and not AuditEntry.objects.filter(entity_type="Company").exists()
    )
    done = _apply(cli, setup_file)
    assert done.json["changes"] == tried.json["changes"]


def test_only_what_differs_is_changed_and_shown(cli: Cli, setup_file: Path) -> None:
    _apply(cli, setup_file)
    RunTemplate.objects.update(delay=5)
    setup_file.write_text(FILE.replace("REGION: cz", "REGION: sk").replace("hello", "ahoj"), encoding="utf-8")
    done = _apply(cli, setup_file)
    assert {one["object"]: one["diff"] for one in done.json["changes"]} == {
        "environment": {"environment.REGION": {"old": "cz", "new": "sk"}},
        "run template": {
            "delay": {"old": 5, "new": 60},
            "values.GREETING": {"old": "hello", "new": "ahoj"},
        },
    }
    assert _apply(cli, setup_file).json["changes"] == []


def test_the_diff_of_a_secret_is_masked(cli: Cli, setup_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _apply(cli, setup_file)
    monkeypatch.setenv("INITECH_KEY", f"{SECRET}-other")
    (change,) = _apply(cli, setup_file).json["changes"]
    assert change["diff"] == {"values.API_KEY": {"old": "•" * 8, "new": "•" * 8}}


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (FILE.replace("interval: daily", "interval: dayly"), "line 23, companies[0].run_templates[0].interval: "),
        (FILE.replace("delay: 60", "delay: soon"), "line 24, companies[0].run_templates[0].delay: give a whole number"),
        (FILE.replace("delay: 60", "dealy: 60"), "line 24, companies[0].run_templates[0].dealy: a run template has no"),
        (FILE.replace("COUNT: 007", "COUNT: many"), "line 21, companies[0].run_templates[0]: config: COUNT"),
        (
            FILE.replace("application: greeter", "application: nobody"),
            "line 22, companies[0].run_templates[0].application: there is no",
        ),
        (FILE.replace("[Database of Initech]", "[Bank]"), "credentials[0]: the company has no credential Bank"),
        (FILE.replace("DB_HOST: db", "DB_HOTS: db"), "line 12, companies[0].credentials[0]: DB_HOTS"),
        (FILE.replace("INITECH_KEY", "NOT_SET_AT_ALL"), "the environment has no variable NOT_SET_AT_ALL"),
        (FILE.replace("password.txt", "missing.txt"), "missing.txt cannot be read"),
        (FILE.replace("multiflexi/1", "multiflexi/9"), "line 1, format: this program understands multiflexi/1"),
        (FILE.replace("slug: initech", "name: twice"), "line 6, companies[0]: name is given twice"),
        (FILE + "- [", "this is no YAML"),
        ("", "the file: here is the file"),
    ],
)
def test_a_fault_is_named_with_its_place_and_nothing_is_stored(
    cli: Cli, setup_file: Path, broken: str, told: str
) -> None:
    setup_file.write_text(broken, encoding="utf-8")
    done = _apply(cli, setup_file)
    assert done.code == 1
    assert told in done.json["message"]
    assert not Company.objects.exists()


def test_a_fault_in_the_last_company_takes_everything_back(cli: Cli, setup_file: Path) -> None:
    setup_file.write_text(f"{FILE}- name: Umbrella\n  timezone: Nowhere/Land\n  slug: 'a b'\n", encoding="utf-8")
    done = _apply(cli, setup_file)
    assert done.code == 1
    assert "line 29, companies[1]: slug" in done.json["message"]
    assert not Company.objects.exists()


def test_an_export_applied_to_an_empty_installation_reproduces_it(cli: Cli, setup_file: Path) -> None:
    _apply(cli, setup_file)
    company_env.set_value(HAND, Company.objects.get(), "PLAIN", "x: y # no comment")
    template = RunTemplate.objects.get()
    RunTemplate.objects.create(app=template.app, company=template.company, name="Greeting", interv="n", active=False)
    first = cli("export").out
    assert SECRET not in first
    RunTemplateCredential.objects.all().delete()
    RunTemplate.objects.all().delete()
    Credential.objects.all().delete()
    Company.objects.all().delete()
    setup_file.write_text(first, encoding="utf-8")
    done = _apply(cli, setup_file)
    assert done.code == 0, done.err
    # What was secret has to be given again; everything else is as it was.
    assert len(done.json["warnings"]) == 3
    assert _without_secrets(cli("export").out) == _without_secrets(first)
    assert _apply(cli, setup_file).json["changes"] == []


def test_an_export_does_not_depend_on_what_was_stored_first(cli: Cli, setup_file: Path) -> None:
    _apply(cli, setup_file)
    company_env.set_value(HAND, Company.objects.get(), "ALPHA", "1")
    first = cli("export").out
    assert first.index("ALPHA:") < first.index("BACKUP_PASSWORD:") < first.index("REGION:")
    credential = Credential.objects.get()
    value = credential.values.get(name="DB_CONNECTION")
    value.delete()
    credential.values.create(name=value.name, value=value.value)
    assert cli("export").out == first


def test_an_export_changes_nothing_where_it_was_made(cli: Cli, setup_file: Path) -> None:
    _apply(cli, setup_file)
    setup_file.write_text(cli("export").out, encoding="utf-8")
    again = _apply(cli, setup_file)
    assert (again.json["changes"], again.json["warnings"]) == ([], [])


def test_an_export_of_one_company_holds_only_that_one(cli: Cli, setup_file: Path, acme: Company) -> None:
    _apply(cli, setup_file)
    assert [one["slug"] for one in cli("export", "--company", "acme", "-f", "json").json["companies"]] == ["acme"]
    assert cli("export", "--company", "nobody").code == 1


def test_more_companies_are_read_with_no_more_queries(cli: Cli, setup_file: Path, queries: Any) -> None:
    company = FILE[FILE.index("- name: Initech") :]
    many = "".join(company.replace("Initech", f"Client {n}").replace("slug: initech", f"slug: c{n}") for n in range(12))
    text = FILE[: FILE.index("- name: Initech")] + many
    supply = blueprint.Supply(setup_file.parent, {"INITECH_BACKUP": SECRET, "INITECH_KEY": SECRET})
    assert len(blueprint.apply(HAND, text, supply=supply).changes) > 40
    with queries(20):
        assert blueprint.apply(HAND, text, supply=supply).changes == []
    with queries(20):
        blueprint.export(HAND)


def _without_secrets(text: str) -> Any:
    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {name: stripped(one) for name, one in value.items() if one != {"secret": True}}
            return {name: one for name, one in kept.items() if one != {}}
        return [stripped(one) for one in value] if isinstance(value, list) else value

    return stripped(yaml.safe_load(text))
