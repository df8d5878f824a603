"""Credential definitions of the original project: all of them can be imported, set up and used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from multiflexi import manifests
from multiflexi.credentials import questions, registry
from multiflexi.manifests.kinds import Kind
from multiflexi.models import Company, CredentialPrototype, CredentialType, FieldType, User
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_fields, credential_type, definitions, prototype_sync
from multiflexi.vault import keyring

PROTOTYPES = {
    "abraflexi.credprototype.json": "AbraFlexi",
    "envfile.credprototype.json": "EnvFile",
    "fiobank.credprototype.json": "FioBank",
    "mail.credprototype.json": "Mail",
    "mserver.credprototype.json": "MServer",
    "office365.credprototype.json": "Office365",
    "sqlserver.credprototype.json": "SQLServer",
}
TYPES = {"probe.multiflexi.credential-type.json", "test.credential-type.json"}
# A value that any field of its type takes.
FITTING = {
    FieldType.BOOL: "true",
    FieldType.INTEGER: "7",
    FieldType.FLOAT: "7.5",
    FieldType.EMAIL: "robot@example.org",
    FieldType.URL: "https://server.example/",
}


@pytest.fixture(scope="module")
def files(reference: Path) -> dict[str, Path]:
    return {
        path.name: path
        for path in sorted((reference / "apps").glob("*/*.json"))
        if path.name.endswith((".credprototype.json", ".credential-type.json"))
    }


@pytest.fixture(scope="module")
def originals(reference: Path) -> dict[Kind, Draft7Validator]:
    return {
        kind: Draft7Validator(
            json.loads((reference / "schemas" / f"{kind.value}.json").read_text("utf-8")),
            format_checker=FormatChecker(),
        )
        for kind in (Kind.CREDENTIAL_PROTOTYPE, Kind.CREDENTIAL_TYPE)
    }


@pytest.fixture
def actor(root: User) -> Actor:
    keyring.ensure_keys()
    return Actor(root.pk, "cli")


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def imported(path: Path, actor: Actor) -> CredentialPrototype:
    report = manifests.import_prototype(path.read_bytes(), path.name, actor=actor)
    assert (report.result, report.errors) == ("created", []), path.name
    assert isinstance(report.record, CredentialPrototype)
    return report.record


def test_every_definition_is_tried_here(files: dict[str, Path]) -> None:
    assert set(files) == set(PROTOTYPES) | TYPES
    assert {name: document(files[name])["code"] for name in PROTOTYPES} == PROTOTYPES


@pytest.mark.parametrize("name", PROTOTYPES)
def test_every_field_of_a_prototype_is_kept(name: str, files: dict[str, Path], actor: Actor) -> None:
    fields = {row.keyword: row for row in imported(files[name], actor).fields.all()}
    for given in document(files[name])["fields"]:
        row = fields.pop(given["keyword"])
        assert row.type in FieldType.values
        assert row.required is given.get("required", False)
        if given["type"] == "password":
            assert (row.type, row.secret) == (FieldType.PASSWORD, True)
    assert fields == {}


@pytest.mark.parametrize("name", PROTOTYPES)
def test_texts_in_several_languages_are_all_that_breaks_the_own_schema(
    name: str, files: dict[str, Path], actor: Actor, originals: dict[Kind, Draft7Validator]
) -> None:
    errors = list(originals[Kind.CREDENTIAL_PROTOTYPE].iter_errors(document(files[name])))
    assert [error.message for error in errors if not isinstance(error.instance, dict)] == []
    report = manifests.import_prototype(files[name].read_bytes(), name, actor=actor)
    assert (report.result, report.warnings) == ("created", [])


@pytest.mark.parametrize("name", PROTOTYPES)
def test_what_breaks_it_otherwise_is_a_warning(
    name: str, files: dict[str, Path], actor: Actor, originals: dict[Kind, Draft7Validator]
) -> None:
    broken = document(files[name])
    broken["fields"][0]["type"] = "colour"
    content = json.dumps(broken).encode()
    places = [list(error.absolute_path) for error in originals[Kind.CREDENTIAL_PROTOTYPE].iter_errors(broken)]
    assert ["fields", 0, "type"] in places
    report = manifests.import_prototype(content, name, actor=actor)
    assert (report.result, [finding.path for finding in report.warnings]) == ("created", ["/fields/0/type"])
    assert not manifests.validate(content, name).valid
    assert manifests.import_prototype(content, name, actor=actor, strict=True).result == "rejected"


@pytest.mark.parametrize("name", PROTOTYPES)
def test_a_company_can_set_it_up_and_fill_it_in(name: str, files: dict[str, Path], actor: Actor, acme: Company) -> None:
    prototype = imported(files[name], actor)
    kind = credential_type.create(actor, company=acme, prototype=prototype)
    fields = credential_fields.of_type(kind)
    values = {
        key: FITTING.get(FieldType(field.type), "some-value") for key, field in fields.items() if not field.internal
    }
    made = credential.create(actor, company=acme, kind=kind, values=values)
    assert credential.missing(made) == []
    (question,) = questions.questions([made]).values()
    assert (question.refusal, dict(question.given.values)) == (None, values)
    assert question.provider is registry.get(PROTOTYPES[name])


def test_those_of_a_fresh_installation_stay_newer(files: dict[str, Path], actor: Actor) -> None:
    """Packages of the original bring older definitions of kinds that we ship; they meet the same record."""
    assert prototype_sync.sync(actor).errors == 0
    before = CredentialPrototype.objects.count()
    for name, code in PROTOTYPES.items():
        report = manifests.import_prototype(files[name].read_bytes(), name, actor=actor)
        assert (report.result, report.errors) == ("unchanged", []), name
        assert report.record == CredentialPrototype.objects.get(code=code)
        assert report.warnings
    assert CredentialPrototype.objects.count() == before


def test_ours_take_over_what_was_imported_before(files: dict[str, Path], actor: Actor) -> None:
    """As after an update of an installation whose packages had brought their definitions first."""
    uuids = {code: imported(files[name], actor).uuid for name, code in PROTOTYPES.items()}
    outcome = prototype_sync.sync(actor, only_new=True)
    assert (outcome.errors, outcome.updated, outcome.problems) == (0, len(PROTOTYPES), [])
    assert dict(CredentialPrototype.objects.filter(code__in=uuids).values_list("code", "uuid")) == uuids
    assert not CredentialPrototype.objects.filter(provider=None).exists()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_types_import_with_warnings(name: str, files: dict[str, Path], actor: Actor, acme: Company) -> None:
    report = definitions.import_type(actor, files[name].read_bytes(), name, acme)
    assert (report.result, report.errors) == ("created", [])
    assert report.warnings
    assert isinstance(report.record, CredentialType)
    assert set(credential_fields.of_type(report.record)) >= {
        field["keyword"] for field in document(files[name]).get("fields", [])
    }
    again = definitions.import_type(actor, files[name].read_bytes(), name, acme)
    assert again.result == "unchanged"
    assert definitions.remove_type(actor, files[name].read_bytes(), name, acme).removed
