"""The provider that reads a Bitwarden safe."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from multiflexi.credentials.contract import CannotResolve
from tests.unit.credentials.safe_standin import ARGON2, Account, sealed
from tests.unit.credentials.samples import MARK, given
from tests.unit.credentials.standin import Reply, StandIn, running

pytestmark = pytest.mark.usefixtures("loopback")
EMAIL, PASSWORD = "safe@example.org", f"{MARK}-vault"


@pytest.fixture
def opened(aimed):
    """Check and resolve against an account; `resolve` or its refusal, `check` or its result."""

    def open_(account: Account, method: str = "resolve", routes=None, **internal: str):
        with running(StandIn({**account.routes(), **(routes or {})})) as standin:
            of = given("VaultWarden", standin.port)
            of = replace(of, internal={**of.internal, **internal})
            return getattr(aimed("VaultWarden", standin.port), method)(of)

    return open_


@pytest.fixture
def account() -> Account:
    return Account(EMAIL, PASSWORD)


def plain(values) -> dict[str, str]:
    assert all(value.secret for value in values.values())
    return {name: value.text for name, value in values.items()}


def refusal(opened, *args, **options) -> CannotResolve:
    with pytest.raises(CannotResolve) as caught:
        opened(*args, **options)
    assert MARK not in repr(caught.value.result)
    return caught.value


def test_the_logins_of_the_folder_and_no_others(account: Account, opened) -> None:
    account.add("Abra Flexi-1", "api", "p1")
    account.add("elsewhere", "x", "x", folderId="f2")
    account.add("about MultiFlexi", "x", "x", folderId=None)
    account.add("in the bin", "x", "x", deletedDate="2026-01-01")
    account.add("note", "x", "x", type=2)
    assert plain(opened(account)) == {"ABRA_FLEXI_1_USERNAME": "api", "ABRA_FLEXI_1_PASSWORD": "p1"}


def test_items_with_keys_of_their_own_and_of_an_organization(account: Account, opened) -> None:
    own = os.urandom(64)
    account.ciphers.append(
        {
            "type": 1,
            "folderId": "f1",
            "name": sealed("own", own),
            "key": sealed(own, account.key),
            "login": {"username": None, "password": sealed("p-own", own)},
        }
    )
    account.add("shared", "u", "p-shared", key=account.organization_key, organizationId="org")
    found = plain(opened(account))
    assert found["OWN_PASSWORD"] == "p-own"
    assert found["OWN_USERNAME"] == ""
    assert found["SHARED_PASSWORD"] == "p-shared"


@pytest.mark.parametrize("capital", [False, True])
def test_both_ways_to_derive_the_key_and_both_spellings(capital: bool, opened) -> None:
    account = Account(EMAIL, PASSWORD, ARGON2, capital=capital)
    account.add("a", "u", "p")
    assert plain(opened(account)) == {"A_USERNAME": "u", "A_PASSWORD": "p"}


def test_two_items_of_one_name_are_both_named(account: Account, opened) -> None:
    account.add("my bank", "u", "p")
    account.add("my-bank", "u", "p")
    error = refusal(opened, account)
    assert error.result.state == "misconfigured"
    assert "my bank" in str(error) and "my-bank" in str(error)


def test_names_of_the_platform_are_left_out(account: Account, opened) -> None:
    account.add("multiflexi job", "u", "p")
    assert opened(account) == {}


def test_a_check_signs_in_and_finds_the_folder(account: Account, opened) -> None:
    assert opened(account, "check").state == "available"
    device = account.device
    assert opened(account, "check").state == "available"
    assert account.grants == 2
    assert device


@pytest.mark.parametrize("method", ["check", "resolve"])
@pytest.mark.parametrize(
    ("routes", "internal", "state"),
    [
        ({}, {"VAULTWARDEN_PASSWORD": f"{MARK}-other"}, "misconfigured"),
        ({}, {"VAULTWARDEN_FOLDER": "Nowhere"}, "misconfigured"),
        ({}, {"VAULTWARDEN_EMAIL": ""}, "misconfigured"),
        ({}, {"VAULTWARDEN_URL": "http://127.0.0.1:1"}, "misconfigured"),
        ({"POST /identity/connect/token": Reply(400, {"TwoFactorProviders": [0]})}, {}, "misconfigured"),
        ({"POST /identity/connect/token": Reply(429, headers={"Retry-After": "70"})}, {}, "unavailable"),
        ({"POST /identity/connect/token": Reply(200, {"access_token": "x", "Key": "0.abc"})}, {}, "misconfigured"),
        ({"POST /identity/accounts/prelogin": Reply(404)}, {}, "misconfigured"),
        ({"POST /identity/accounts/prelogin": Reply(200, b"<html/>")}, {}, "misconfigured"),
        ({"POST /identity/accounts/prelogin": Reply(200, {"kdf": 0, "kdfIterations": 1})}, {}, "misconfigured"),
        ({"POST /identity/accounts/prelogin": Reply(200, {"kdf": 0, "kdfIterations": 10**9})}, {}, "misconfigured"),
        ({"POST /identity/accounts/prelogin": Reply(200, {**ARGON2, "kdfMemory": 10**6})}, {}, "misconfigured"),
        ({"GET /api/sync": Reply(502)}, {}, "unavailable"),
    ],
    ids=range(13),
)
def test_what_can_be_wrong(method: str, routes, internal, state: str, account: Account, opened) -> None:
    if method == "check":
        result = opened(account, method, routes, **internal)
        assert MARK not in repr(result)
    else:
        result = refusal(opened, account, method, routes, **internal).result
    assert result.state == state


def test_a_changed_item_is_not_used(account: Account, opened) -> None:
    account.add("a", "u", "p")
    account.ciphers[0]["login"]["password"] = sealed("p", os.urandom(64))
    assert refusal(opened, account).result.state == "misconfigured"
