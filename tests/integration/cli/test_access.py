"""Tokens, memberships and roles on the command line."""

from __future__ import annotations

import pytest

from multiflexi.models import Company, CompanyUser, Token, User
from multiflexi.services import login_protection, token_check
from tests.integration.web.pages import with_second_factor

from .conftest import Cli


def test_a_token_is_shown_once(cli: Cli, alice: User) -> None:
    made = cli("token:generate", "--user", "alice", "--label", "ci", "--scopes", "read", "-f", "json").json
    assert token_check.by_value(made["token"], "").pk == made["token_id"]
    for words in (["token:list"], ["token:get", made["token_id"]], ["tokens", "list", "--user", str(alice.pk)]):
        outcome = cli(*words, "-f", "json")
        assert made["token"] not in outcome.out
        listed = outcome.json if isinstance(outcome.json, dict) else outcome.json[0]
        assert (listed["user"], listed["label"], listed["scopes"]) == (str(alice.pk), "ci", ["read"])
        assert listed["token"].endswith("••••••••")


def test_the_user_spelling_and_the_text_form(cli: Cli, alice: User) -> None:
    lines = cli("user", "token", "--login", "alice").out.splitlines()
    assert len(lines) == 3
    assert token_check.by_value(lines[2].removeprefix("Token: "), "").user == alice


def test_a_token_known_elsewhere(cli: Cli, alice: User) -> None:
    value = "abcdefghij0123456789"
    made = cli("token:create", "--user", alice.pk, "--token", "-", "-f", "json", stdin=f"{value}\n").json
    assert made == {"token_id": Token.objects.get().pk}
    assert cli("token:create", "--user", alice.pk, "--token", value, "-f", "json").json["code"] == "token_exists"
    masked = cli("token:get", made["token_id"], "-f", "json").json["token"]
    assert cli("token:update", made["token_id"], "--token", masked, "--user", "", "-f", "json").json == {
        "updated": False,
        "token_id": made["token_id"],
    }
    assert token_check.by_value(value, "").user == alice


def test_a_token_is_revoked_and_deleted(cli: Cli, alice: User) -> None:
    number = cli("token:create", "--user", "alice", "-f", "json").json["token_id"]
    assert cli("token:revoke", number, "-f", "json").json == {"revoked": True, "token_id": number}
    assert cli("token:delete", number, "--dry-run", "-f", "json").json == {"dry_run": True, "token_id": number}
    assert cli("token:delete", number, "-f", "json").json == {"deleted": True, "token_id": number}
    assert cli("token:get", number).code == 1


def test_a_member(cli: Cli, acme: Company, bob: User, carol: User) -> None:
    assign = ["user-company:assign", "--company_id", acme.pk, "--login", "carol", "--role", "manager"]
    assert cli(*assign, "--dry-run").code == 0
    assert not CompanyUser.objects.filter(user=carol, company=acme).exists()
    assert cli(*assign, "-f", "json").json == {
        "status": "success",
        "message": "User carol is manager of company ACME",
        "company_id": acme.pk,
        "user_id": carol.pk,
        "role": "manager",
    }
    listed = cli("user-company:list", "--company", "acme", "-f", "json").json
    assert {one["login"]: one["role"] for one in listed} == {"bob": "viewer", "carol": "manager"}
    end = ["user-company:unassign", "--company_id", acme.pk, "--email", "carol@example.org", "-f", "json"]
    assert [cli(*end).json["deleted"] for _ in range(2)] == [1, 0]


def test_roles(cli: Cli, bob: User) -> None:
    done = cli("user-role:set", "--login", "bob", "--roles", "editor,user", "-f", "json").json
    assert (done["roles"], done["replace"]) == (["editor", "user"], True)
    assert [one["name"] for one in done["role_details"]] == ["editor", "user"]
    cli("user-role:set", "--login", "bob", "--roles", "viewer", "--replace", "false")
    listed = cli("user-role:list", "--login", "bob", "--order", "name", "-f", "json").json
    assert [one["name"] for one in listed] == ["editor", "user", "viewer"]
    assert cli("user-role:set", "--login", "bob", "--roles", "", "-f", "json").json["roles"] == []


@pytest.mark.parametrize(
    ("words", "code"), [(["--roles", "emperor"], "invalid_roles"), ([], "wrong_use")], ids=["unknown", "none"]
)
def test_roles_are_refused(cli: Cli, bob: User, words: list[str], code: str) -> None:
    assert cli("user-role:set", "--login", "bob", *words, "-f", "json").json["code"] == code
    [held] = cli("user-role:list", "--login", "bob", "-f", "json").json
    assert (held["login"], held["name"]) == ("bob", "viewer")


def test_failed_sign_ins_are_forgiven(cli: Cli, alice: User) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        login_protection.failed(login_protection.begin("alice", address), "password")
    assert cli("user:unlock", "alice", "--address", "192.0.2.1", "-f", "json").json["forgiven"] == 1
    assert cli("user:unlock", "--login", "alice", "-f", "json").json["forgiven"] == 1
    assert cli("user:unlock").code == 2


def test_a_lost_second_factor_is_taken_away(cli: Cli, alice: User) -> None:
    with_second_factor(alice)
    assert cli("user:get", "--login", "alice", "-f", "json").json["two_factor_enabled"] in (True, 1)
    assert cli("user:reset-2fa", "--login", "alice", "-f", "json").json["changed"]
    assert not cli("user:reset-2fa", "--login", "alice", "-f", "json").json["changed"]
    assert cli("user:get", "--login", "alice", "-f", "json").json["two_factor_enabled"] in (False, 0)
