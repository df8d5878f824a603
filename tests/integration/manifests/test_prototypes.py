"""Importing credential prototypes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from multiflexi import manifests
from multiflexi.manifests.reports import Removal, Result
from multiflexi.models import (
    AuditEntry,
    Company,
    Credential,
    CredentialPrototype,
    CredentialType,
    CredentialValue,
    User,
)
from multiflexi.record.actor import Actor
from multiflexi.vault import keyring
from tests.unit.manifests.strategies import as_bytes

UUID = "f79aaa38-2eaf-453a-beee-3a2afa1221d5"
BANK: dict[str, Any] = {
    "$schema": "https://example.org/credential-prototype.json",
    "uuid": UUID,
    "code": "OurBank",
    "name": {"en": "Our bank", "cs": "Naše banka"},
    "version": "1.0",
    "tags": ["bank"],
    "fields": [
        {"keyword": "BANK_TOKEN", "type": "string", "name": {"en": "Token", "cs": "Klíč"}, "required": True},
        {"keyword": "BANK_MODE", "type": "select", "options": [{"value": "a", "label": "A"}], "default": "a"},
        {"keyword": "BANK_LIVE", "type": "boolean", "default_value": "true"},
    ],
}


@pytest.fixture(autouse=True)
def keys(db: None) -> None:
    keyring.ensure_keys()


@pytest.fixture
def actor(root: User) -> Actor:
    return Actor(root.pk, "cli")


def imported(actor: Actor, document: dict[str, Any] = BANK, **options: Any) -> manifests.ImportReport:
    return manifests.import_prototype(as_bytes(document), "bank.credprototype.json", actor=actor, **options)


def test_every_key_is_stored(actor: Actor) -> None:
    assert imported(actor).result == Result.CREATED
    prototype = CredentialPrototype.objects.get()
    assert (str(prototype.uuid), prototype.code, prototype.name, prototype.tags) == (
        UUID,
        "OurBank",
        "Our bank",
        ["bank"],
    )
    fields = prototype.fields.order_by("position").values_list("keyword", "type", "secret", "required", "default_value")
    assert list(fields) == [
        ("BANK_TOKEN", "string", True, True, None),
        ("BANK_MODE", "set", False, False, "a"),
        ("BANK_LIVE", "bool", False, False, "true"),
    ]
    token = prototype.fields.get(keyword="BANK_TOKEN")
    assert dict(token.translations.values_list("lang", "name")) == {"en": "Token", "cs": "Klíč"}
    assert AuditEntry.objects.get(entity_type="CredentialPrototype").action == "create"


def test_twice_is_once_and_the_export_is_in_the_words_of_the_schema(actor: Actor) -> None:
    imported(actor)
    before = CredentialPrototype.objects.values().get()
    assert imported(actor).result == Result.UNCHANGED
    assert CredentialPrototype.objects.values().get() == before
    exported = json.loads(manifests.export_prototype(CredentialPrototype.objects.get()))
    assert [field["type"] for field in exported["fields"]] == ["string", "select", "boolean"]
    assert [field.get("default_value") for field in exported["fields"]] == [None, "a", "true"]
    assert manifests.validate(json.dumps(exported).encode(), "exported").valid


def test_the_code_finds_a_prototype_whose_uuid_differs(actor: Actor) -> None:
    imported(actor)
    report = imported(actor, BANK | {"uuid": UUID.replace("f79", "a79"), "version": "1.1"})
    assert (report.result, CredentialPrototype.objects.get().version) == (Result.UPDATED, "1.1")
    assert str(CredentialPrototype.objects.get().uuid) == UUID
    assert "/uuid" in {finding.path for finding in report.warnings}


def test_a_code_cannot_move_to_another_prototype(actor: Actor) -> None:
    imported(actor)
    imported(actor, BANK | {"uuid": UUID.replace("f79", "a79"), "code": "Second"})
    report = imported(actor, BANK | {"code": "Second"})
    assert (report.result, [finding.path for finding in report.errors]) == (Result.REJECTED, ["/code"])


def test_a_missing_uuid_is_derived_from_the_code(actor: Actor) -> None:
    document = {key: value for key, value in BANK.items() if key != "uuid"}
    assert imported(actor, document, strict=True).result == Result.REJECTED
    assert imported(actor, document).result == Result.CREATED
    assert imported(actor, document).result == Result.UNCHANGED


def test_an_older_version_changes_nothing(actor: Actor) -> None:
    imported(actor, BANK | {"version": "2.0"})
    assert imported(actor).result == Result.UNCHANGED
    assert imported(actor, allow_downgrade=True).result == Result.UPDATED


def test_a_vanished_field_with_values_becomes_obsolete(actor: Actor, acme: Company) -> None:
    imported(actor)
    kind = CredentialType.objects.create(
        name="Bank", company=acme, credential_prototype=CredentialPrototype.objects.get(), prototype="OurBank"
    )
    credential = Credential.objects.create(name="Account", company=acme, credential_type=kind)
    CredentialValue.objects.create(credential=credential, name="BANK_MODE", value="a")
    imported(actor, BANK | {"fields": BANK["fields"][:1]})
    fields = dict(CredentialPrototype.objects.get().fields.values_list("keyword", "obsolete"))
    assert fields == {"BANK_TOKEN": False, "BANK_MODE": True}


def test_removal_is_refused_while_types_use_it(actor: Actor, acme: Company) -> None:
    imported(actor)
    prototype = CredentialPrototype.objects.get()
    kind = CredentialType.objects.create(name="Bank", company=acme, credential_prototype=prototype)
    refused = manifests.remove_prototype(prototype, actor=actor)
    assert (refused.result, refused.users) == (Removal.REFUSED, ["Bank"])
    kind.delete()
    assert manifests.remove_prototype(prototype, actor=actor).removed
    assert CredentialPrototype.objects.count() == 0
    assert AuditEntry.objects.filter(entity_type="CredentialPrototype", action="delete").count() == 1
