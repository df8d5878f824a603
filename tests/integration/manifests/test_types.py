"""Importing credential types: each company has its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multiflexi import manifests
from multiflexi.manifests.reports import Result
from multiflexi.models import AuditEntry, Company, CredentialPrototype, CredentialPrototypeField, CredentialType, User
from multiflexi.record.actor import Actor
from multiflexi.vault import keyring
from tests.unit.manifests.strategies import as_bytes

UUID = "c56137f5-592f-42ea-bf6e-b23d4eae89fb"
SQL: dict[str, Any] = {
    "uuid": UUID,
    "code": "SQL",
    "version": "1.0",
    "name": {"en": "Database", "cs": "Databáze"},
    "description": "Access to a database",
    "fields": [
        {"keyword": "DB_HOST", "name": {"en": "Host", "cs": "Stroj"}, "type": "string", "default": "localhost"},
        {"keyword": "DB_PORT", "name": "Port", "type": "number", "default": 3306},
        {"keyword": "DB_KIND", "name": "Kind", "type": "select", "options": ["MySQL", "SQLite"], "required": True},
        {"keyword": "DB_PASSWORD", "name": "Password", "type": "secret", "description_note": "kept"},
    ],
}


@pytest.fixture(autouse=True)
def keys(db: None) -> None:
    keyring.ensure_keys()


@pytest.fixture
def actor(root: User) -> Actor:
    return Actor(root.pk, "cli")


def imported(actor: Actor, company: Company, document: dict[str, Any] = SQL, **options: Any) -> manifests.ImportReport:
    return manifests.import_type(
        as_bytes(document), "sql.credential-type.json", actor=actor, company=company, **options
    )


def test_every_key_is_stored(actor: Actor, acme: Company) -> None:
    assert imported(actor, acme).result == Result.CREATED
    kind = CredentialType.objects.get()
    assert (kind.name, kind.prototype, kind.company, kind.version) == ("Database", "SQLServer", acme, "1.0")
    assert (kind.definition_uuid, str(kind.uuid) != UUID) == (UUID, True)
    assert dict(kind.translations.values_list("lang", "name")) == {"en": "Database", "cs": "Databáze"}
    fields = kind.fields.order_by("position").values_list("keyname", "type", "defval", "required", "secret")
    assert list(fields) == [
        ("DB_HOST", "string", "localhost", False, False),
        ("DB_PORT", "integer", "3306", False, False),
        ("DB_KIND", "set", None, True, False),
        ("DB_PASSWORD", "password", None, False, True),
    ]
    entry = AuditEntry.objects.get(entity_type="CredentialType")
    assert (entry.action, entry.company_id) == ("create", acme.pk)


def test_each_company_has_its_own_and_twice_is_once(actor: Actor, acme: Company, globex: Company) -> None:
    imported(actor, acme)
    assert imported(actor, acme).result == Result.UNCHANGED
    assert imported(actor, globex).result == Result.CREATED
    assert imported(actor, globex, SQL | {"version": "1.1"}).result == Result.UPDATED
    assert dict(CredentialType.objects.values_list("company__slug", "version")) == {"acme": "1.0", "globex": "1.1"}


def test_the_export_says_what_the_file_said(actor: Actor, acme: Company) -> None:
    imported(actor, acme)
    text = manifests.export_type(CredentialType.objects.get())
    assert json.loads(text) == SQL
    assert manifests.validate(text.encode(), "exported").valid
    assert manifests.import_type(text.encode(), "exported", actor=actor, company=acme).result == Result.UNCHANGED


def test_fields_keep_their_rows(actor: Actor, acme: Company) -> None:
    imported(actor, acme)
    ids = dict(CredentialType.objects.get().fields.values_list("keyname", "pk"))
    imported(actor, acme, SQL | {"fields": [SQL["fields"][1], SQL["fields"][0]]})
    fields = dict(CredentialType.objects.get().fields.values_list("keyname", "pk"))
    assert fields == {key: ids[key] for key in ("DB_HOST", "DB_PORT")}


def test_the_prototype_is_found_by_alias_and_may_not_be_contradicted(actor: Actor, acme: Company) -> None:
    assert "/code" in {finding.path for finding in imported(actor, acme).warnings}
    prototype = CredentialPrototype.objects.create(uuid=UUID, code="SQLServer", name="SQL Server")
    assert imported(actor, acme).result == Result.UPDATED
    assert CredentialType.objects.get().credential_prototype == prototype
    CredentialPrototypeField.objects.create(credential_prototype=prototype, keyword="DB_PORT", type="string")
    CredentialPrototypeField.objects.create(credential_prototype=prototype, keyword="DB_PASSWORD", type="string")
    report = imported(actor, acme, SQL | {"version": "2.0"})
    assert (report.result, [finding.path for finding in report.errors]) == (Result.REJECTED, ["/fields/1/type"])
    assert CredentialType.objects.get().version == "1.0"


def test_secret_defaults_are_not_kept(actor: Actor, acme: Company) -> None:
    fields = [{"keyword": "API_TOKEN", "name": "Token", "type": "string", "default": "hunter2"}]
    report = imported(actor, acme, SQL | {"fields": fields})
    assert "/fields/0" in {finding.path for finding in report.warnings}
    assert "hunter2" not in json.dumps(list(CredentialType.objects.values("manifest", "fields__defval")))
    assert "hunter2" not in json.dumps(list(AuditEntry.objects.values("changes", "additional_data")))
    assert imported(actor, acme, SQL | {"fields": fields}).result == Result.UNCHANGED


def test_published_types_import(actor: Actor, acme: Company, reference: Path) -> None:
    for path in sorted(reference.glob("apps/*/*.credential-type.json")):
        for expected in (Result.CREATED, Result.UNCHANGED):
            report = manifests.import_type(path.read_bytes(), path.name, actor=actor, company=acme)
            assert (report.result, report.errors) == (expected, []), path.name
    assert CredentialType.objects.count() == 2
