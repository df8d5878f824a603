"""Programs that ask for tokens in vain are slowed down, each by itself; those that succeed are not."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client

from multiflexi.http.oauth import clients
from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import rate_redis, rate_store

pytestmark = pytest.mark.usefixtures("ring")
ADDRESSES = ("/oauth/token/", "/oauth/token", "/oauth/introspect/", "/oauth/revoke")


@pytest.fixture
def nightly(root: User, robot: User) -> tuple[str, str]:
    """Id and secret of a client that acts for itself."""
    actor = Actor(root.pk, Origin.WEB)
    client, secret = clients.create(
        actor, name="Nightly", grant=clients.CREDENTIALS, scopes=["read", "jobs:run"], account="robot"
    )
    return client.client_id, secret


def ask(name: str, secret: str, path: str = "/oauth/token/", address: str = "192.0.2.1", **fields: str) -> Any:
    pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return Client().post(
        path,
        {"grant_type": "client_credentials"} | fields,
        REMOTE_ADDR=address,
        headers={"Authorization": f"Basic {pair}"},
    )


@pytest.mark.parametrize("path", ADDRESSES)
def test_ten_failures_in_five_minutes(path: str, nightly: tuple[str, str]) -> None:
    name, secret = nightly
    answers = [ask(name, "wrong", path, token="x") for _ in range(11)]
    assert {answer.status_code for answer in answers[:10]} <= {400, 401, 403}
    refused = answers[10]
    assert refused.status_code == 429
    assert refused.json()["error"] == "too_many_requests"
    assert int(refused["Retry-After"]) > 0
    assert refused["RateLimit-Policy"] == '"oauth";q=10;w=300'
    assert "r=0" in refused["RateLimit"]
    # Neither the right secret nor another of these addresses helps, but nobody else is slowed down.
    assert ask(name, secret).status_code == 429
    assert ask("another", "wrong").status_code == 401
    assert ask(name, secret, address="192.0.2.2").status_code == 200


def test_what_succeeds_is_not_limited_to_ten(nightly: tuple[str, str]) -> None:
    assert {ask(*nightly).status_code for _ in range(12)} == {200}
    token = ask(*nightly).json()["access_token"]
    told = {ask(*nightly, "/oauth/introspect/", token=token).status_code for _ in range(12)}
    assert told == {200}


def test_all_requests_of_an_address_count_as_well(nightly: tuple[str, str], settings: Any) -> None:
    settings.API_RATE_LIMIT_REQUESTS, settings.API_RATE_LIMIT_WINDOW = 3, 100_000_000
    assert [ask(f"client {number}", "wrong").status_code for number in range(4)] == [401, 401, 401, 429]


def test_without_a_counter_there_are_no_tokens(nightly: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_more: object) -> None:
        raise rate_redis.Away("gone")

    monkeypatch.setattr(rate_store, "count", broken)
    answer = ask(*nightly)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
