"""Who may connect: the lists of addresses, on every surface, cheaply, and without locking oneself out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from multiflexi.models import AllowedNetwork, AuditEntry, Company, User
from multiflexi.record.actor import Actor
from multiflexi.services import address_list, allowlist
from tests.http import a_token, basic, bearer
from tests.integration.cli.conftest import cli  # noqa: F401

# Without any account pages lead to the making of the first one.
pytestmark = pytest.mark.usefixtures("ring", "alice")
SHELL = Actor(user_id=None, origin="cli")
LEGACY = "/api/VitexSoftware/MultiFlexi/1.0.0"
OFFICE, HOME = "192.0.2.7", "198.51.100.7"
SURFACES = (
    "/login/",
    "/multiflexi/login/",
    "/nowhere/",
    "/oauth/authorize/",
    "/.well-known/oauth-authorization-server",
    "/api/v2/",
    "/api/v2/me",
    "/api/v2/metrics",
    f"{LEGACY}/status.json",
    f"{LEGACY}/apps.json",
)
PROBES = ("/healthz", "/readyz/", "/api/v2/health/live", "/api/v2/health/ready/", f"{LEGACY}/ping.json",
          "/multiflexi/healthz")  # fmt: skip


def of(client: Client, path: str, address: str = HOME, method: str = "get", **more: Any) -> Any:
    return getattr(client, method)(path, REMOTE_ADDR=address, **more)


@pytest.mark.parametrize("path", SURFACES)
def test_other_addresses_are_refused_on_every_surface(client: Client, path: str) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    refused = of(client, path)
    assert refused.status_code == 403
    assert HOME in refused.content.decode()
    assert of(client, path, OFFICE).status_code != 403


@pytest.mark.parametrize("path", ["/oauth/token/", "/oauth/revoke", "/oauth/introspect/", "/login/"])
def test_and_for_what_is_sent(client: Client, path: str) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    assert of(client, path, method="post").status_code == 403


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_to_everybody(client: Client, path: str) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    assert of(client, path).status_code == 200


@pytest.mark.parametrize(
    ("network", "address", "admitted"),
    [
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.0/24", "::ffff:192.0.2.1", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("::ffff:192.0.2.0/120", "192.0.2.1", True),
        ("::ffff:192.0.2.0/120", "192.0.3.1", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::/48", "2001:db8:0:9::1", True),
        ("2001:db8::/48", "2001:db9::1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("127.0.0.0/8", "", False),
        ("192.0.2.0/24", "127.0.0.1", False),
    ],
)
def test_what_a_range_admits(network: str, address: str, admitted: bool) -> None:
    allowlist.add(SHELL, network)
    assert address_list.admits(address) is admitted


def test_without_a_list_everybody_may_connect(client: Client, db: None) -> None:
    assert of(client, "/login/").status_code == 200


def test_the_address_that_counts_is_that_behind_the_proxy(client: Client, settings: Any) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    settings.MULTIFLEXI_TRUSTED_PROXIES = ["10.0.0.1"]
    assert of(client, "/login/", "10.0.0.1", HTTP_X_FORWARDED_FOR=OFFICE).status_code == 200
    assert of(client, "/login/", HOME, HTTP_X_FORWARDED_FOR=OFFICE).status_code == 403


def test_an_entry_that_ended_admits_nobody_and_opens_nothing(client: Client) -> None:
    allowlist.add(SHELL, "192.0.2.0/24", expires_at=timezone.now() + timedelta(hours=1))
    assert of(client, "/login/", OFFICE).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert of(client, "/login/", OFFICE).status_code == 403


def test_a_request_costs_no_query(client: Client) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    with CaptureQueriesContext(connection) as made:
        for _ in range(50):
            assert of(client, "/api/v2/health/nothing").status_code == 403
            assert of(client, "/api/v2/", OFFICE).status_code == 200
    assert sum("ip_whitelist" in one["sql"] for one in made) == 1


def test_without_the_database_the_last_list_counts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    assert address_list.admits(OFFICE)

    def gone(_rows: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(address_list, "Lists", gone)
    address_list.note_change()
    assert (address_list.admits(OFFICE), address_list.admits(HOME)) == (True, False)
    address_list.remember(None)
    assert of(client, "/login/", OFFICE).status_code == 503


def test_other_processes_learn_of_a_change_by_looking(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    assert address_list.admits(HOME)
    AllowedNetwork.objects.create(network="192.0.2.0/24")
    assert address_list.admits(HOME)
    monkeypatch.setattr(address_list, "FRESH_SECONDS", 0.0)
    assert not address_list.admits(HOME)


def test_refused_addresses_are_told_to_the_audit_trail_once(client: Client) -> None:
    allowlist.add(SHELL, "192.0.2.0/24")
    for _ in range(3):
        of(client, "/login/", "203.0.113.99")
    entry = AuditEntry.objects.get(event_type="ip_whitelist_violation")
    assert (entry.ip_address, entry.outcome, entry.origin) == ("203.0.113.99", "denied", "web")


# The lists through the API


@pytest.fixture
def ask(client: Client, root: User) -> Callable[..., Any]:
    def send(method: str, path: str = "", body: Any = None, user: User = root, address: str = HOME) -> Any:
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        return of(client, f"/api/v2/security/allowlist{path}", address, method, headers=basic(user), **more)

    return send


def test_a_list_by_the_api(ask: Callable[..., Any], client: Client) -> None:
    ends = (timezone.now() + timedelta(days=1)).isoformat()
    made = ask("post", body={"network": "198.51.100.0/24", "note": "Home"})
    assert made.status_code == 201, made.content
    number = made.json()["id"]
    assert of(client, "/login/", OFFICE).status_code == 403
    assert ask("post", body={"network": OFFICE, "expires_at": ends}).status_code == 201
    assert of(client, "/login/", OFFICE).status_code == 200
    assert ask("patch", f"/{number}", {"note": "Flat"}).json()["note"] == "Flat"
    assert [one["network"] for one in ask("get").json()["results"]] == ["198.51.100.0/24", "192.0.2.7/32"]
    assert set(AuditEntry.objects.filter(entity_type="AllowedNetwork").values_list("event_type", flat=True)) == {
        "ip_whitelist_added",
        "ip_whitelist_change",
    }


def test_nobody_locks_themselves_out(ask: Callable[..., Any], client: Client) -> None:
    refused = ask("post", body={"network": "192.0.2.0/24"})
    assert (refused.status_code, refused.json()["code"]) == (409, "would_lock_out")
    assert HOME in refused.json()["detail"]
    ends = (timezone.now() + timedelta(days=1)).isoformat()
    assert ask("post", body={"network": HOME, "expires_at": ends}).status_code == 409
    own = ask("post", body={"network": HOME}).json()["id"]
    assert ask("post", body={"network": "192.0.2.0/24"}).status_code == 201
    assert ask("delete", f"/{own}").status_code == 409
    assert ask("patch", f"/{own}", {"active": False}).status_code == 409
    assert ask("patch", f"/{own}", {"expires_at": ends}).status_code == 200
    assert of(client, "/login/").status_code == 200
    assert AllowedNetwork.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"network": "192.0.2.1/24"}, 422),
        ({"network": "office"}, 422),
        ({"network": "", "note": "x"}, 422),
        ({"network": HOME, "expires_at": "2001-01-01T00:00:00Z"}, 422),
        ({"network": HOME, "company_id": 999_999}, 404),
    ],
)
def test_what_is_refused(ask: Callable[..., Any], body: dict[str, Any], status: int) -> None:
    assert ask("post", body=body).status_code == status
    assert not AllowedNetwork.objects.exists()


def test_the_same_range_once(ask: Callable[..., Any]) -> None:
    assert ask("post", body={"network": HOME}).status_code == 201
    assert ask("post", body={"network": f"{HOME}/32"}).status_code == 409


def test_only_who_may_sees_the_list(ask: Callable[..., Any], alice: User) -> None:
    allowlist.add(SHELL, "198.51.100.0/24")
    assert ask("get", user=alice).status_code == 403
    assert ask("post", body={"network": HOME}, user=alice).status_code == 403


# The list of a company


def test_a_company_does_not_exist_for_other_addresses(
    client: Client, acme: Company, globex: Company, alice: User, root: User, carol: User
) -> None:
    allowlist.add(SHELL, "192.0.2.0/24", company=acme)

    def seen(user: User, address: str) -> tuple[int, list[str]]:
        one = of(client, f"/api/v2/companies/{acme.pk}", address, headers=basic(user)).status_code
        found = of(client, "/api/v2/companies", address, headers=basic(user)).json()["results"]
        return one, [row["slug"] for row in found]

    assert seen(alice, OFFICE) == (200, ["acme"])
    assert seen(alice, HOME) == (404, [])
    assert seen(root, HOME) == (404, ["globex"])
    assert seen(root, OFFICE) == (200, ["acme", "globex"])
    assert seen(carol, HOME) == (404, ["globex"])
    assert of(client, "/api/v2/me", HOME, headers=basic(alice)).json()["companies"] == []
    assert of(client, f"{LEGACY}/company/{acme.pk}.json", HOME, headers=basic(alice)).status_code == 404
    assert of(client, f"{LEGACY}/company/{acme.pk}.json", OFFICE, headers=basic(alice)).status_code == 200


def test_nor_for_tokens(client: Client, acme: Company, robot: User) -> None:
    allowlist.add(SHELL, "192.0.2.0/24", company=acme)
    token = bearer(a_token(robot, company_ids=[acme.pk]))
    for address, number in ((HOME, 0), (OFFICE, 1)):
        assert of(client, "/api/v2/companies", address, headers=token).json()["count"] == number


def test_what_happened_there_is_not_told_elsewhere(client: Client, acme: Company, alice: User, root: User) -> None:
    allowlist.add(SHELL, "192.0.2.0/24", company=acme)
    for user in (alice, root):
        told = of(client, "/api/v2/audit-log", HOME, headers=basic(user)).json()["results"]
        assert acme.pk not in [entry["company_id"] for entry in told]
    told = of(client, "/api/v2/audit-log", OFFICE, headers=basic(root)).json()["results"]
    assert acme.pk in [entry["company_id"] for entry in told]


# The command line


def test_the_command_line_is_the_way_back_in(cli: Any, client: Client) -> None:  # noqa: F811
    shown = cli("security:allowlist", "--format", "json").json
    assert shown == {"status": "success", "networks": [], "enabled": False}
    made = cli("security:allowlist", "add", "--network", "192.0.2.0/24", "--note", "Office", "-f", "json").json
    (entry,) = made["networks"]
    assert made["enabled"] is True
    assert entry == {
        "id": entry["id"],
        "network": "192.0.2.0/24",
        "company_id": None,
        "note": "Office",
        "expires_at": None,
        "active": entry["active"],
    }
    assert of(client, "/login/").status_code == 403
    off = cli("security:allowlist", "--disable", "--format", "json")
    assert (off.code, off.json["enabled"], len(off.json["networks"])) == (0, False, 1)
    assert of(client, "/login/").status_code == 200
    assert cli("security:allowlist", "--enable", "--format", "json").json["enabled"] is True
    assert of(client, "/login/").status_code == 403
    gone = cli("security:allowlist", "remove", "--network", "192.0.2.0/24", "--format", "json").json
    assert gone == {"status": "success", "networks": [], "enabled": False}
    assert cli("security:allowlist", "remove", "--network", "192.0.2.0/24").code == 1
    assert "Office" in cli("security:allowlist", "add", "--network", "192.0.2.0/24", "--note", "Office").out


@pytest.mark.parametrize("words", [("add",), ("put",), ("--enable", "--disable"), ("add", "--network", "x")])
def test_wrong_use_of_the_command(cli: Any, words: tuple[str, ...]) -> None:  # noqa: F811
    assert cli("security:allowlist", *words).code in (1, 2)
    assert not AllowedNetwork.objects.exists()


def test_the_list_of_a_company_on_the_command_line(cli: Any, acme: Company) -> None:  # noqa: F811
    words = ("security:allowlist", "add", "--network", "192.0.2.0/24", "--company", "acme", "--format", "json")
    assert cli(*words).json["networks"][0]["company_id"] == acme.pk
    assert cli("security:allowlist", "remove", "--network", "192.0.2.0/24").code == 1
    assert cli("security:allowlist", "remove", "--network", "192.0.2.0/24", "--company", "acme").code == 0
