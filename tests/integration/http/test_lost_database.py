"""A database that is away for a while is said to be so, in the form of each surface."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.test import Client

from multiflexi.services import address_list, rate_limit
from multiflexi.services.rate_limit import Scope, Unavailable

AWAY = (OperationalError("server closed the connection, at 10.1.2.3"), InterfaceError(0, ""))
SURFACES = {
    "/setup/": "multiflexi.services.first_administrator.is_wanted",
    "/oauth/token/": "multiflexi.services.rate_limit.take",
    "/api/v2/status": "multiflexi.services.rate_limit.take",
    "/api/v1/status.json": "multiflexi.services.rate_limit.take",
}


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def raising(error: Exception) -> Any:
    def broken(*_arguments: Any, **_named: Any) -> None:
        raise error

    return broken


@pytest.mark.parametrize("error", AWAY, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("address", SURFACES)
@pytest.mark.django_db
def test_every_surface_says_to_try_again(
    visitor: Client, monkeypatch: pytest.MonkeyPatch, address: str, error: Exception
) -> None:
    monkeypatch.setattr(SURFACES[address], raising(error))
    answer = visitor.post(address) if "token" in address else visitor.get(address)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert b"database does not answer" in answer.content
    assert b"10.1.2.3" not in answer.content


@pytest.mark.django_db
def test_a_mistake_of_ours_is_none_of_the_database(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SURFACES["/setup/"], raising(DatabaseError("syntax error")))
    assert visitor.get("/setup/").status_code == 500


@pytest.mark.parametrize("error", AWAY, ids=lambda one: type(one).__name__)
@pytest.mark.django_db
def test_the_last_list_of_addresses_counts_on(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(address_list, "_known", None)
    monkeypatch.setattr("multiflexi.services.address_list.AllowedNetwork.objects.filter", raising(error))
    with pytest.raises(address_list.Unknown):
        address_list.admits("192.0.2.1")
    address_list.remember(address_list.Lists([]))
    address_list.note_change()
    assert address_list.admits("192.0.2.1")
    address_list.remember(None)


@pytest.mark.parametrize("error", AWAY, ids=lambda one: type(one).__name__)
def test_what_cannot_be_counted_is_refused_where_it_matters(
    monkeypatch: pytest.MonkeyPatch, settings: Any, error: Exception
) -> None:
    settings.API_RATE_LIMITING_ENABLED = True
    rate_limit.forget()
    monkeypatch.setattr("multiflexi.services.rate_store.count", raising(error))
    assert rate_limit.take(Scope.ANON, "address:192.0.2.1") is None
    with pytest.raises(Unavailable):
        rate_limit.take(Scope.EXPORT, "address:192.0.2.1")
    rate_limit.forget()
