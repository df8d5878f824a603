"""Credential prototypes made and changed on the command line."""

from __future__ import annotations

from uuid import uuid4

import pytest

from multiflexi.models import Company, CredentialPrototype
from multiflexi.services import prototype_sync
from tests.integration.services.bank import make_prototype, make_type

from .conftest import Cli

pytestmark = pytest.mark.usefixtures("ring")


def test_create(cli: Cli) -> None:
    words = ["--code", "Bank", "--name", "A bank", "--prototype-version", "1.5", "--url", "https://bank.example"]
    made = cli("crprototype", "create", *words, "-f", "json").json
    stored = CredentialPrototype.objects.get()
    assert made == {
        "status": "success",
        "message": f"Credential prototype Bank created, ID: {stored.pk}",
        "id": stored.pk,
        "code": "Bank",
        "uuid": str(stored.uuid),
    }
    assert (stored.version, stored.url) == ("1.5", "https://bank.example")
    repeated = cli("credential-prototype:create", "--code", "Bank", "--name", "x")
    assert (repeated.code, "already exists" in repeated.err) == (1, True)
    assert cli("credential-prototype:create", "--code", "Other").code == 2


@pytest.mark.parametrize(
    ("selector", "columns", "expected"),
    [
        (["--id", "ID"], ["--code", "New", "--uuid", "NEW"], ("New", "NEW", "Bank")),
        (["--uuid", "UUID"], ["--code", "New"], ("New", "UUID", "Bank")),
        (["--code", "Bank"], ["--name", "New"], ("Bank", "UUID", "New")),
    ],
)
def test_what_selects_is_no_new_value(
    cli: Cli, selector: list[str], columns: list[str], expected: tuple[str, str, str]
) -> None:
    stored = make_prototype("Bank")
    named = {"ID": str(stored.pk), "UUID": str(stored.uuid), "NEW": str(uuid4())}
    words = [named.get(word, word) for word in [*selector, *columns]]
    assert cli("credential-prototype:update", *words, "-f", "json").json["updated"] is True
    stored.refresh_from_db()
    assert (stored.code, str(stored.uuid), stored.name) == tuple(named.get(word, word) for word in expected)
    assert cli("credential-prototype:update", stored.pk, "--name", expected[2], "-f", "json").json["updated"] is False


def test_delete(cli: Cli, acme: Company) -> None:
    stored = make_prototype("Bank")
    kind = make_type(acme, stored)
    refused = cli("credential-prototype:delete", "Bank", "-f", "json")
    assert (refused.code, refused.json["code"]) == (1, "credential_prototype_in_use")
    kind.delete()
    assert cli("credential-prototype:delete", "--uuid", stored.uuid, "-f", "json").json == {
        "deleted": True,
        "credential_prototype_id": stored.pk,
    }


def test_sync(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = cli("crprototype", "sync", "-f", "json")
    assert (outcome.code, list(outcome.json)) == (0, ["processed", "created", "updated", "errors", "skipped"])
    broken = prototype_sync.Synced(processed=1, errors=1, problems=["X: broken"])
    monkeypatch.setattr(prototype_sync, "sync", lambda actor, dry_run: broken)
    outcome = cli("credential-prototype:sync", "-f", "json")
    assert (outcome.code, outcome.json["errors"], outcome.err) == (1, 1, "X: broken\n")
