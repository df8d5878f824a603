"""`encryption:*`: what operators see of the key ring and its changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from multiflexi.models import Company, CompanyEnv, Configuration, EncryptionKey, RunTemplate
from multiflexi.record.actor import SYSTEM
from multiflexi.services import company_env, run_template_config
from multiflexi.vault import keyring
from tests.integration.cli.conftest import Cli

SECRET = "hunter2-of-ACME"
NAMES = ["default", "credentials", "personal_data", "audit"]


@pytest.fixture
def secrets(template: RunTemplate) -> RunTemplate:
    """A run template with a secret of its own, and a company with another one."""
    run_template_config.store(template, {"API_KEY": SECRET})
    company_env.set_value(SYSTEM, template.company, "DB_PASSWORD", SECRET)
    return template


def test_status_counts_values_by_version_and_table(cli: Cli, secrets: RunTemplate) -> None:
    data = cli("encryption:status", "-f", "json").json
    assert (data["status"], data["master_key"], data["total_keys"], data["active_keys"]) == (
        "success",
        "configured",
        4,
        4,
    )
    found = {key["key_name"]: (key["version"], key["values"], key["tables"]) for key in data["keys"]}
    assert found["credentials"] == (1, 1, {"configuration": 1})
    assert found["default"] == (1, 1, {"company_env": 1})
    assert found["audit"] == (1, 0, {})


def test_status_tells_how_a_broken_off_rotation_goes_on(cli: Cli, secrets: RunTemplate) -> None:
    assert cli("encryption:status", "-f", "json").json["unfinished"] == []
    cli("encryption:rotate", "--no-wait")
    told = cli("encryption:status", "-f", "json")
    assert (told.code, sorted(told.json["unfinished"])) == (0, ["credentials:1", "default:1", "personal_data:1"])
    assert "encryption:rotate finishes it" in told.json["message"]
    assert told.json["message"] in cli("encryption:status").out
    EncryptionKey.objects.filter(is_active=False).update(rotated_at=timezone.now() - timedelta(hours=1))
    cli("encryption:rotate", "--no-wait")
    assert cli("encryption:status", "-f", "json").json["unfinished"] == []


def test_status_counts_what_no_key_opens(cli: Cli, secrets: RunTemplate) -> None:
    sealed = Configuration.objects.get(is_encrypted=True)
    for text in (sealed.value[:-9], sealed.value.replace('"kid":', '"kid":77')):
        Configuration.objects.filter(pk=sealed.pk).update(value=text)
        told = cli("encryption:status", "-f", "json")
        assert (told.code, told.json["status"], told.json["values_without_key"]) == (1, "error", 1)
        assert "encryption:verify lists them" in told.json["message"]


def test_init_says_when_there_is_nothing_to_do(cli: Cli) -> None:
    data = cli("encryption:init", "-f", "json").json
    assert (data["initialized"], data["rotated"], data["algorithm"]) == (False, False, "AES-256-GCM")
    assert EncryptionKey.objects.count() == 4


def test_init_force_adds_versions_and_everything_stays_readable(cli: Cli, secrets: RunTemplate) -> None:
    assert cli("encryption:init", "--force", "--dry-run", "-f", "json").json["dry_run"] is True
    assert EncryptionKey.objects.count() == 4
    data = cli("encryption:init", "--force", "-f", "json").json
    assert (data["initialized"], data["rotated"]) == (False, True)
    assert EncryptionKey.objects.count() == 8
    assert cli("encryption:verify", "-f", "json").json["versions"] == {"credentials:1": 1, "default:1": 1}


def test_init_without_a_usable_master_key_fails(cli: Cli, settings) -> None:
    EncryptionKey.objects.all().delete()
    for key, told in ((None, "No master key"), ("short", "at least 32")):
        settings.ENCRYPTION_MASTER_KEY = key
        keyring.forget()
        done = cli("encryption:init")
        assert done.code == 78 and told in done.err and "Traceback" not in done.err
    assert not EncryptionKey.objects.exists()


def test_rotate_reports_each_key(cli: Cli, secrets: RunTemplate) -> None:
    done = cli("encryption:rotate", "--no-wait", "-f", "json")
    assert done.code == 0
    data = done.json
    assert (data["status"], data["master_rotated"], data["resumed"]) == ("success", False, False)
    assert [key["key_name"] for key in data["keys"]] == NAMES
    assert {
        key["key_name"]: (key["old_version"], key["new_version"], key["values"], key["reencrypted"], key["failed"])
        for key in data["keys"]
    } == {
        "default": (1, 2, 1, 1, 0),
        "credentials": (1, 2, 1, 1, 0),
        "personal_data": (1, 2, 0, 0, 0),
        "audit": (1, 2, 0, 0, 0),
    }
    assert "call encryption:rotate once more" in data["message"]
    assert cli("encryption:verify", "-f", "json").json["versions"] == {"credentials:2": 1, "default:2": 1}
    assert cli("encryption:rotate", "--no-wait", "-f", "json").json["resumed"] is True


def test_rotate_of_one_key_leaves_the_others(cli: Cli, secrets: RunTemplate) -> None:
    (key,) = cli("encryption:rotate", "--key", "default", "--no-wait", "-f", "json").json["keys"]
    assert (key["key_name"], key["new_version"]) == ("default", 2)
    assert cli("encryption:verify", "-f", "json").json["versions"] == {"credentials:1": 1, "default:2": 1}


def test_rotate_for_a_company_gives_it_keys_of_its_own(cli: Cli, secrets: RunTemplate, acme: Company) -> None:
    data = cli("encryption:rotate", "--company", "acme", "--no-wait", "-f", "json").json
    assert {(key["company_id"], key["old_version"], key["new_version"]) for key in data["keys"]} == {(acme.pk, 0, 1)}
    assert EncryptionKey.objects.filter(company=acme).count() == 3


def test_a_dry_run_changes_nothing(cli: Cli, secrets: RunTemplate) -> None:
    data = cli("encryption:rotate", "--dry-run", "-f", "json").json
    assert data["dry_run"] is True
    assert {key["key_name"]: key["values"] for key in data["keys"]}["credentials"] == 1
    assert EncryptionKey.objects.count() == 4


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--key", "nonsense"], 1, '"nonsense" is no data key; there are default'),
        (["--company", "nobody"], 1, "not found"),
        (["--master", "--key", "default"], 2, "--master concerns all data keys"),
        (["--batch-size", "0"], 2, "at least one row"),
        (["--batch-size", "many"], 2, "no whole number"),
    ],
)
def test_unusable_options_change_nothing(cli: Cli, words: list[str], code: int, told: str) -> None:
    done = cli("encryption:rotate", *words)
    assert done.code == code and told in done.err
    assert EncryptionKey.objects.count() == 4


def test_the_master_key_is_changed(cli: Cli, secrets: RunTemplate, settings) -> None:
    settings.ENCRYPTION_MASTER_KEY_PREVIOUS = settings.ENCRYPTION_MASTER_KEY
    settings.ENCRYPTION_MASTER_KEY = "another secret of forty characters at all"
    keyring.forget()
    assert cli("encryption:rotate", "--master", "--dry-run", "-f", "json").json["wrapped"] == 4
    assert cli("encryption:rotate", "--master", "-f", "json").json["master_rotated"] is True
    settings.ENCRYPTION_MASTER_KEY_PREVIOUS = None
    keyring.forget()
    assert cli("encryption:verify").code == 0
    assert cli("encryption:rotate", "--master", "-f", "json").json["master_rotated"] is False


def test_a_master_key_that_does_not_fit_is_one_clear_error(cli: Cli, secrets: RunTemplate, settings) -> None:
    settings.ENCRYPTION_MASTER_KEY = "another secret of forty characters at all"
    keyring.forget()
    for words in (["encryption:rotate"], ["encryption:rotate", "--master"], ["encryption:verify"]):
        done = cli(*words)
        assert done.code == 78 and done.err.count("is wrapped by the master key") == 1
        assert "Traceback" not in done.err
    assert cli("encryption:status").code == 1
    assert EncryptionKey.objects.count() == 4


def test_verify_names_ids_and_no_values(cli: Cli, secrets: RunTemplate) -> None:
    row = CompanyEnv.objects.get()
    CompanyEnv.objects.update(value=row.value[:40])
    Configuration.objects.filter(is_encrypted=True).update(value=SECRET)
    done = cli("encryption:verify", "-f", "json")
    assert done.code == 1
    number = Configuration.objects.get(is_encrypted=True).pk
    assert done.json["failed"] == [
        {"table": "configuration", "id": number, "field": "value"},
        {"table": "company_env", "id": row.pk, "field": "value"},
    ]
    assert SECRET not in done.out + done.err
    assert row.value[5:40] not in done.out + done.err


def test_verify_stops_at_its_limit(cli: Cli, secrets: RunTemplate) -> None:
    assert cli("encryption:verify", "--limit", "1", "-f", "json").json["checked"] == 1


@pytest.mark.parametrize(("text", "is_told"), [("abc", True), ("Admin", True), ("••••••••", False), ("hunter2", False)])
def test_a_secret_that_cannot_be_masked_is_told_of(cli: Cli, template: RunTemplate, text: str, is_told: bool) -> None:
    hint = "too short or too common to be masked"
    done = cli("run-template:update", template.pk, "--config", f"API_KEY={text}", "--config", "GREETING=abc")
    assert (done.code, done.err.count(hint)) == (0, int(is_told))
    done = cli("company:env", "set", "--company", "acme", "--key", "API_TOKEN", "--value", text)
    assert (done.code, done.err.count(hint)) == (0, int(is_told))
    assert text not in done.err
