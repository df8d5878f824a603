"""Definition files and schemas of the original project: what it accepts we accept, what it refuses we refuse."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from multiflexi import manifests
from multiflexi.manifests import schema
from multiflexi.manifests.application import read_application
from multiflexi.manifests.application_writer import application_document
from multiflexi.manifests.definitions import ApplicationDefinition, differences
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.validation import analyse
from multiflexi.models import Application, CredentialPrototype, User
from multiflexi.record.actor import Actor
from multiflexi.vault import keyring

REFUSED = {"test.invalid.multiflexi.app.json", "test.schema-invalid.multiflexi.app.json"}
INVALID = REFUSED | {"pohoda-abo-importer.app.json", "test.credential-type.json"}
KINDS = {"app.json": Kind.APPLICATION, "credprototype.json": Kind.CREDENTIAL_PROTOTYPE}


@pytest.fixture(scope="module")
def files(reference: Path) -> list[Path]:
    return sorted((reference / "apps").glob("*/*.json"))


@pytest.fixture(scope="module")
def originals(reference: Path) -> dict[Kind, Draft7Validator]:
    checker = FormatChecker()
    return {
        kind: Draft7Validator(
            json.loads((reference / "schemas" / f"{kind.value}.json").read_text("utf-8")), format_checker=checker
        )
        for kind in Kind
    }


@pytest.fixture
def actor(root: User) -> Actor:
    keyring.ensure_keys()
    return Actor(root.pk, "cli")


def kind_of(path: Path) -> Kind:
    return next((kind for ending, kind in KINDS.items() if path.name.endswith(ending)), Kind.CREDENTIAL_TYPE)


def applications(files: list[Path]) -> list[Path]:
    return [path for path in files if kind_of(path) is Kind.APPLICATION]


def parsed(files: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in files:
        if path.name != "test.invalid.multiflexi.app.json":
            yield path, json.loads(path.read_text("utf-8"))


def relaxed(kind: Kind, document: dict[str, Any]) -> dict[str, Any]:
    """A prototype whose language objects are reduced to one text, as the original wants them."""
    if kind is not Kind.CREDENTIAL_PROTOTYPE:
        return document
    plain = copy.deepcopy(document)
    fields = plain.get("fields", []) if isinstance(plain.get("fields"), list) else []
    for holder in [plain, *(field for field in fields if isinstance(field, dict))]:
        for member in ("name", "description", "hint"):
            value = holder.get(member)
            if isinstance(value, dict) and schema.validator(kind, "text").is_valid(value):
                holder[member] = next(iter(value.values()))
    return plain


def test_there_are_as_many_files_as_the_readme_says(files: list[Path]) -> None:
    assert len(files) == 68
    assert len(applications(files)) == 59


def test_kind_and_verdict_of_every_file(files: list[Path]) -> None:
    reports = {path.name: (kind_of(path), manifests.validate(path.read_bytes(), path.name)) for path in files}
    assert {name for name, (_, report) in reports.items() if not report.valid} == INVALID
    assert [name for name, (kind, report) in reports.items() if report.kind is not kind] == []


def test_files_keep_their_kind_under_another_name(files: list[Path]) -> None:
    found = {path.name: manifests.validate(path.read_bytes(), "upload.json").kind for path in files}
    assert found == {path.name: kind_of(path) for path in files}


def test_our_schemas_judge_every_file_like_the_original_ones(
    files: list[Path], originals: dict[Kind, Draft7Validator]
) -> None:
    for path, document in parsed(files):
        kind = kind_of(path)
        ours = schema.validator(kind).is_valid(document)
        assert ours == originals[kind].is_valid(relaxed(kind, document)), path.name


def test_our_schemas_are_not_copies(reference: Path) -> None:
    for kind in Kind:
        original = json.loads((reference / "schemas" / f"{kind.value}.json").read_text("utf-8"))
        ours = schema.schema(kind).rules
        assert ours["$id"] != original["$id"]
        assert not set(sentences(ours)) & set(sentences(original))


def sentences(rules: Any) -> Iterator[str]:
    if isinstance(rules, dict):
        for key, value in rules.items():
            if key in ("description", "title", "$comment") and isinstance(value, str):
                yield value
            else:
                yield from sentences(value)
    elif isinstance(rules, list):
        for value in rules:
            yield from sentences(value)


STRANGE = [
    None,
    True,
    0,
    -1,
    1.5,
    3601,
    "",
    "x",
    "FOO bar",
    "1.02",
    "oci://a/b",
    "./a",
    "./a/b",
    [],
    [1],
    {},
    {"en": "x"},
]
STRANGE += [{"xx": "y"}, {"en": 1}, {"en": "a", "cs": "b"}, {"description": "d"}, {"description": {"en": "d"}, "x": 1}]
STRANGE += [{"format": "json"}, {"helm": {"enabled": True}}, {"helm": {"chart": "./a", "enabled": False}}, "a" * 300]
STRANGE += [{"helm": {"timeoutSeconds": 60.0, "set": {"a": 1, "b": "c"}}}, {"0": {"description": "ok", "retry": 1}}]
STRANGE += [{"helm": {"chart": "repo/chart", "releaseName": "r", "enabled": True, "valuesFiles": []}}, ["a", "b"]]
STRANGE += [
    {"emits": {"a.b": {"operation": "never"}}},
    {"consumes": {"a": {"format": "json", "z": 0}}},
    {"listens": {}},
]
EXTRA_KEYS = [
    "uuid",
    "version",
    "title",
    "kubernetes",
    "events",
    "exitCodes",
    "produces",
    "consumes",
    "hint",
    "options",
]
EXTRA_KEYS += [
    "localized",
    "default_value",
    "ociimage",
    "image",
    "homepage",
    "url",
    "keyword",
    "type",
    "retry",
    "zzz",
    "7",
]


def mutated(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The document with one to three members deleted, added or replaced somewhere."""
    changed = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        places = list(containers(changed))
        place = chance.choice(places)
        value = copy.deepcopy(chance.choice(STRANGE))
        if isinstance(place, list):
            place.append(value) if not place or chance.random() < 0.5 else place.pop(chance.randrange(len(place)))
            continue
        keys = list(place)
        action = chance.choice(["delete", "replace", "add"])
        if action == "add" or not keys:
            place[chance.choice(EXTRA_KEYS)] = value
        elif action == "delete":
            del place[chance.choice(keys)]
        else:
            place[chance.choice(keys)] = value
    return changed


def containers(value: Any) -> Iterator[dict[str, Any] | list[Any]]:
    if isinstance(value, dict | list):
        yield value
        for child in value.values() if isinstance(value, dict) else value:
            yield from containers(child)


def test_our_schemas_judge_mutated_files_like_the_original_ones(
    files: list[Path], originals: dict[Kind, Draft7Validator]
) -> None:
    chance = random.Random(20)
    verdicts = {True: 0, False: 0}
    for path, document in parsed(files):
        kind = kind_of(path)
        for _ in range(60):
            broken = mutated(document, chance)
            ours = schema.validator(kind).is_valid(broken)
            assert ours == originals[kind].is_valid(relaxed(kind, broken)), json.dumps(broken)
            verdicts[ours] += 1
    assert min(verdicts.values()) > 500


@pytest.mark.parametrize("times", [1, 2])
def test_57_of_59_files_import_as_56_applications(files: list[Path], actor: Actor, times: int) -> None:
    results = {}
    for path in applications(files):
        for _ in range(times):
            results[path.name] = manifests.import_application(path.read_bytes(), path.name, actor=actor)
    refused = {name for name, report in results.items() if not report.accepted}
    assert refused == REFUSED
    assert Application.objects.count() == 56
    assert all(report.errors for name, report in results.items() if name in refused)
    if times == 2:
        assert {report.result for report in results.values()} == {"unchanged", "rejected"}


def test_the_later_of_two_files_with_one_uuid_updates(files: list[Path], actor: Actor) -> None:
    twins = [
        path for path in files if path.name in ("multiflexi_probe.multiflexi.app.json", "test.multiflexi.app.json")
    ]
    reports = [manifests.import_application(path.read_bytes(), path.name, actor=actor) for path in twins]
    assert [report.result for report in reports] == ["created", "updated"]
    assert {change.path for change in reports[1].changes} >= {"/artifacts/0/path"}


def test_exports_satisfy_both_schemas_and_change_nothing(
    files: list[Path], originals: dict[Kind, Draft7Validator], actor: Actor
) -> None:
    for path in applications(files):
        report = manifests.import_application(path.read_bytes(), path.name, actor=actor)
        if report.application is None:
            continue
        text = manifests.export_application(report.application)
        assert schema.violations(Kind.APPLICATION, json.loads(text)) == [], path.name
        assert originals[Kind.APPLICATION].is_valid(json.loads(text)), path.name
        again = manifests.import_application(text.encode(), path.name, actor=actor)
        assert (again.result, again.changes) == ("unchanged", []), path.name


ALIASES = {"topics", "cmdparams", "exitcodes", "cmdparamsTemplate", "tags", "exitCodes"}


def test_exports_say_what_the_file_said(files: list[Path], actor: Actor) -> None:
    for path, document in parsed(applications(files)):
        report = manifests.import_application(path.read_bytes(), path.name, actor=actor)
        if report.application is None or path.name == "pohoda-abo-importer.app.json":
            continue
        exported = json.loads(manifests.export_application(report.application))
        expected = {**document, "schemaVersion": "3.4.0"}
        compared = (set(expected) | set(exported)) - ALIASES - ({"uuid"} - set(expected))
        assert {key: exported.get(key) for key in compared} == {key: expected.get(key) for key in compared}, path.name
        assert exported.get("tags", []) == expected.get("topics", expected.get("tags", [])), path.name
        assert list(exported["environment"]) == list(expected["environment"]), path.name


def test_prototypes_import_and_export(files: list[Path], actor: Actor) -> None:
    prototypes = [path for path in files if kind_of(path) is Kind.CREDENTIAL_PROTOTYPE]
    for path in prototypes:
        first = manifests.import_prototype(path.read_bytes(), path.name, actor=actor)
        assert (first.result, first.errors) == ("created", []), path.name
        assert manifests.import_prototype(path.read_bytes(), path.name, actor=actor).result == "unchanged"
        assert isinstance(first.record, CredentialPrototype)
        exported = manifests.export_prototype(first.record)
        assert json.loads(exported) == json.loads(path.read_text("utf-8")), path.name
        assert manifests.import_prototype(exported.encode(), path.name, actor=actor).result == "unchanged"
    assert CredentialPrototype.objects.count() == 7


def test_names_alone_make_published_fields_secret(files: list[Path], actor: Actor) -> None:
    for path in files:
        if path.name == "fiobank.credprototype.json":
            manifests.import_prototype(path.read_bytes(), path.name, actor=actor)
        if path.name == "cs_balance.multiflexi.app.json":
            manifests.import_application(path.read_bytes(), path.name, actor=actor)
    prototype = CredentialPrototype.objects.get(code="FioBank")
    assert dict(prototype.fields.values_list("keyword", "secret")) == {
        "ACCOUNT_NUMBER": False,
        "FIO_TOKEN": True,
        "FIO_TOKEN_NAME": False,
    }
    secret = Application.objects.get().fields.filter(secret=True).values_list("keyname", flat=True)
    assert set(secret) == {"CSAS_API_KEY", "CSAS_ACCESS_TOKEN"}


def test_a_broken_file_gives_place_and_rule(files: list[Path], actor: Actor) -> None:
    broken = {path.name: path for path in files if path.name in REFUSED}
    syntax = manifests.import_application(
        broken["test.invalid.multiflexi.app.json"].read_bytes(), "invalid", actor=actor
    )
    assert "line 14, column 70" in syntax.errors[0].message
    types = manifests.import_application(
        broken["test.schema-invalid.multiflexi.app.json"].read_bytes(), "types", actor=actor
    )
    assert {finding.path for finding in types.errors} >= {
        "/executable",
        "/requirements",
        "/environment/INVALID_ENV_STRUCTURE",
    }
    assert Application.objects.count() == 0


def test_whatever_a_mutated_file_means_survives_writing_and_reading(files: list[Path]) -> None:
    chance = random.Random(21)
    accepted = 0
    for path, document in parsed(applications(files)):
        for _ in range(15):
            analysis = analyse(json.dumps(mutated(document, chance)).encode(), path.name, Kind.APPLICATION)
            if not isinstance(analysis.definition, ApplicationDefinition):
                assert analysis.refusals(strict=False)
                continue
            accepted += 1
            written = application_document(analysis.definition, analysis.document)
            assert differences(analysis.definition, read_application(written, Notes())) == []
    assert accepted > 100
