"""Accounts, keys and the first steps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from multiflexi.credentials import registry
from multiflexi.models import AuditEntry, CredentialPrototype, EncryptionKey, Job, RunTemplate, User
from multiflexi.vault import keyring

from .conftest import Cli


def test_the_first_administrator(cli: Cli) -> None:
    words = ["--login", "root", "--email", "root@example.org", "--plaintext", "-", "--role", "super_admin"]
    cli("user:delete", "root", "-y")
    outcome = cli("user:create", "--login", "boss", *words[2:], "-f", "json", stdin="Correct-Horse-9\n")
    user = User.objects.get(login="boss")
    assert outcome.json == {"user_id": user.pk, "id": user.pk}
    assert user.check_password("Correct-Horse-9")
    assert user.sees_every_company
    assert "Correct-Horse-9" not in json.dumps(list(AuditEntry.objects.values("changes", "additional_data")))


def test_there_is_no_default_password(cli: Cli) -> None:
    cli("user:create", "--login", "dave", "--email", "d@example.org")
    assert not User.objects.get(login="dave").has_usable_password()


def test_a_password_in_the_arguments_is_warned_of(cli: Cli) -> None:
    outcome = cli(
        "user", "create", "--login=dave", "--email=d@example.org", "--plaintext=Kolik-Peněz-9", "--enabled=true"
    )
    assert "other processes" in outcome.err
    assert User.objects.get(login="dave").check_password("Kolik-Peněz-9")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--login", "alice", "--email", "x@example.org"], "user_exists"),
        (["--login", "new", "--email", "x@example.org", "--password", "plain"], "invalid_value"),
        (["--login", "new", "--email", "x@example.org", "--role", "emperor"], "invalid_roles"),
        (["--login", "new", "--email", "x@example.org", "--settings", "{"], "invalid_value"),
        (["--login", "new"], "wrong_use"),
        (["--email", "x@example.org"], "wrong_use"),
    ],
)
def test_refusals(cli: Cli, alice: User, words: list[str], code: str) -> None:
    assert cli("user:create", *words, "-f", "json").json["code"] == code
    assert not User.objects.filter(login="new").exists()


def test_a_ready_hash_is_taken(cli: Cli) -> None:
    cli("user:create", "--login", "dave", "--email", "d@e.org", "--password", make_password("pw"))
    assert User.objects.get(login="dave").check_password("pw")


@pytest.mark.parametrize(
    "selector", [["alice"], ["alice@example.org"], ["--login=alice"], ["--email", "alice@example.org"]]
)
def test_get_hides_the_hash(cli: Cli, alice: User, selector: list[str]) -> None:
    User.objects.filter(pk=alice.pk).update(password="argon2$secret")
    outcome = cli("user:get", *selector, "-f", "json")
    assert (outcome.json["id"], outcome.json["password"], outcome.json["enabled"]) == (alice.pk, None, 1)
    assert "argon2" not in outcome.out


def test_update_by_login_or_by_id(cli: Cli, alice: User) -> None:
    assert cli("user:update", "--login", "alice", "--firstname", "Alice").code == 0
    assert (
        cli("user:update", "--id", alice.pk, "--login", "alicia", "--plaintext", "-", stdin="Nové-Heslo-1\n").code == 0
    )
    alice.refresh_from_db()
    assert (alice.login, alice.firstname) == ("alicia", "Alice")
    assert alice.check_password("Nové-Heslo-1")
    before = alice.password
    assert cli("user:update", alice.pk, "--plaintext", "", "-f", "json").json["updated"] is False
    alice.refresh_from_db()
    assert alice.password == before
    assert AuditEntry.objects.filter(event_type="password_change").count() == 1


def test_the_last_super_administrator_stays(cli: Cli, root: User) -> None:
    for words in (["user:update", root.pk, "--enabled", "0"], ["user:delete", root.pk]):
        assert cli(*words, "-f", "json").json["code"] == "last_super_admin"
    root.refresh_from_db()
    assert root.enabled


def test_who_launched_jobs_is_not_deleted(cli: Cli, alice: User, template: RunTemplate) -> None:
    job = Job.objects.create(app=template.app, company=template.company, launched_by=alice)
    assert cli("user:delete", alice.pk, "-f", "json").json["code"] == "user_has_jobs"
    job.delete()
    assert cli("user:delete", "--login", "alice", "-f", "json").json["status"] == "success"
    assert not User.objects.filter(login="alice").exists()


def test_the_technical_account_is_not_among_the_people(cli: Cli, alice: User) -> None:
    logins = [row["login"] for row in cli("user:list", "-f", "json").json]
    assert logins == ["alice"]
    assert cli("user:get", "multiflexi").code == 1


def test_the_person_behind_sudo_is_the_author(cli: Cli, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    cli("company:create", "--name", "New")
    assert AuditEntry.objects.get(entity_type="Company").user_id == alice.pk


def test_status_never_creates_an_account(cli: Cli) -> None:
    before = User.objects.count()
    data = cli("status", "--no-interaction", "--format=json").json
    assert User.objects.count() == before
    assert data["encryption"].startswith("active")
    assert [type(data[name]) for name in ("companies", "memory", "jobs", "php", "queue_length")] == [
        int,
        int,
        str,
        str,
        int,
    ]
    assert cli("status").err == ""


def test_setup_creates_keys_once(shared_db: None, cli: Cli) -> None:
    EncryptionKey.objects.filter(key_name="personal_data").delete()
    keyring.forget()
    assert cli("encryption:status", "-f", "json").code == 1
    first = cli("setup", "-f", "json")
    assert first.json["created_keys"] == ["personal_data"]
    assert "super_admin" in first.err
    assert first.json["prototypes"] == {"created": len(registry.names()), "updated": 0}
    assert CredentialPrototype.objects.get(code="FioBank").provider == "FioBank"
    entries = AuditEntry.objects.count()
    again = cli("setup:init", "-f", "json").json
    assert (again["created_keys"], again["prototypes"]) == ([], {"created": 0, "updated": 0})
    assert AuditEntry.objects.count() == entries
    assert cli("encryption:init", "-f", "json").json["initialized"] is False
    status = cli("encryption:status", "-f", "json").json
    assert (status["status"], status["active_keys"], status["master_key"]) == ("success", 4, "configured")
    assert status["keys"][0]["is_active"] == 1


def test_without_a_master_key_nothing_is_changed(cli: Cli, settings: Any) -> None:
    settings.ENCRYPTION_MASTER_KEY = ""
    keyring.forget()
    outcome = cli("company:create", "--name", "New", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (78, "encryption_unavailable")
    assert "ENCRYPTION_MASTER_KEY" in outcome.err
    assert cli("company:list", "-f", "json").json == []


def test_a_defect_is_no_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("multiflexi.services.company.query", broken)
    outcome = cli("company:list", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (1, "internal_error")
    assert "Traceback" not in outcome.err
    assert "Traceback" in cli("company:list", "-v").err


def test_an_interrupt_ends_with_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("multiflexi.services.company.query", interrupted)
    assert cli("company:list").code == 130
