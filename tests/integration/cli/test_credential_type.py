"""Credential types on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from multiflexi.models import Company, CredentialPrototype, CredentialType, CredentialTypeValue
from multiflexi.services import credential
from multiflexi.services.sealed_values import opened
from multiflexi.vault.secrecy import MASK
from tests.integration.services.bank import SHELL, make_credential, make_prototype, make_type

from .conftest import Cli

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def prototype(ring: None) -> CredentialPrototype:
    return make_prototype()


@pytest.fixture
def kind(acme: Company, prototype: CredentialPrototype) -> CredentialType:
    return make_type(acme, prototype)


def definition(**members: Any) -> str:
    return json.dumps(
        {
            "uuid": str(uuid4()),
            "code": "FioBank",
            "version": "2.1",
            "name": "Bank of ours",
            "description": "",
            "fields": [{"keyword": "BRANCH", "name": "Branch", "type": "string"}],
            **members,
        }
    )


@pytest.mark.usefixtures("acme", "prototype")
class TestCreate:
    def test_the_new_record_is_the_result(self, cli: Cli, acme: Company, prototype: CredentialPrototype) -> None:
        words = ["credential-type:create", "--company-id", acme.pk, "--class", "FioBank"]
        made = cli(*words, "-f", "json").json
        assert list(made) == [
            *("id", "name", "url", "logo", "uuid", "prototype", "company_id", "version", "version_text", "class"),
            *("gate_on_degraded", "fields"),
        ]
        assert (made["class"], made["prototype"], made["company_id"], made["version"]) == (
            "FioBank",
            "FioBank",
            acme.pk,
            1,
        )
        assert (made["gate_on_degraded"], made["fields"][1]["required"]) == (0, 1)
        assert made["uuid"] not in (str(prototype.uuid), None)
        second = cli("credtype", "create", "--company", "acme", "--prototype", "FioBank", "--label", "Second")
        assert second.out.strip().endswith(f"Second created, ID: {made['id'] + 1}")

    def test_values(self, cli: Cli) -> None:
        words = ["--field", "DAYS:7", "--field-stdin", "SAFE_PASSWORD", "--fixed", "DAYS"]
        outcome = cli(
            "credential-type:create", "--company", "acme", "--class", "FioBank", *words, stdin="of-the-safe\n"
        )
        assert outcome.code == 0
        kinds = dict(CredentialTypeValue.objects.values_list("name", "kind"))
        assert kinds == {"DAYS": "fixed", "SAFE_PASSWORD": "internal"}
        assert opened(CredentialTypeValue.objects.get(name="SAFE_PASSWORD")) == "of-the-safe"
        shown = cli("credential-type:get", "FioBank", "-f", "json")
        assert [one["value"] for one in shown.json["fields"] if one["internal"]] == [MASK]
        assert "of-the-safe" not in shown.out + outcome.out

    def test_a_secret_on_the_command_line_is_told(self, cli: Cli) -> None:
        words = ["--company", "acme", "--class", "FioBank", "--SAFE_PASSWORD=abc"]
        outcome = cli("credential-type:create", *words)
        assert "the history of the shell" in outcome.err
        assert "shorter than 4 characters" in outcome.err

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["--company", "acme", "--class", "nope"], 1),
            (["--company", "nope", "--class", "FioBank"], 1),
            (["--class", "FioBank"], 2),
            (["--company", "acme"], 2),
            (["--company", "acme", "--class", "FioBank", "--field", "DAYS=many"], 1),
        ],
    )
    def test_errors(self, cli: Cli, words: list[str], code: int) -> None:
        assert cli("credential-type:create", *words).code == code
        assert not CredentialType.objects.exists()


def test_list(cli: Cli, kind: CredentialType, acme: Company, globex: Company) -> None:
    shared = make_type(None, kind.credential_prototype, name="Shared")
    listed = cli("credtype:list", "-f", "json").json
    assert [(one["id"], one["class"], one["version"]) for one in listed] == [
        (kind.pk, "FioBank", 1),
        (shared.pk, "FioBank", 1),
    ]
    assert [one["id"] for one in cli("credential-type:list", "--company", "globex", "-f", "json").json] == [shared.pk]
    assert cli("credential-type:list", "--company", "nope", "-f", "json").json == []


@pytest.mark.parametrize("by", ["id", "uuid", "name"])
def test_get(cli: Cli, kind: CredentialType, by: str) -> None:
    assert cli("credential-type:get", getattr(kind, by), "-f", "json").json["uuid"] == str(kind.uuid)
    assert cli("credential-type:get", "--uuid", kind.uuid, "-f", "json").json["id"] == kind.pk


def test_update(cli: Cli, kind: CredentialType) -> None:
    other = make_prototype("Csas")
    words = ["--name", "Ours", "--url", "https://bank.example", "--gate_on_degraded", "yes", "--class", "Csas"]
    outcome = cli("credential-type:update", "--uuid", kind.uuid, *words, "-f", "json")
    assert outcome.json == {"updated": True, "credential_type_id": kind.pk}
    kind.refresh_from_db()
    assert (kind.name, kind.url, kind.gate_on_degraded, kind.credential_prototype) == (
        "Ours",
        "https://bank.example",
        True,
        other,
    )
    assert not cli("credential-type:update", kind.pk, *words, "-f", "json").json["updated"]
    assert cli("credential-type:update", kind.pk, "--field", "DAYS=3", "--fixed", "DAYS").code == 0
    assert cli("credential-type:update", kind.pk, "--not-fixed", "DAYS").code == 0
    assert CredentialTypeValue.objects.get().kind == "default"


def test_delete(cli: Cli, kind: CredentialType, acme: Company) -> None:
    credential = make_credential(kind, acme)
    refused = cli("credential-type:delete", kind.pk, "-f", "json")
    assert refused.json["details"] == {"credentials": [{"id": credential.pk, "name": "Main"}]}
    assert cli("credential-type:delete", kind.pk, "--dry-run", "-f", "json").json["credentials"] == [credential.pk]
    credential.delete()
    outcome = cli("credential-type:remove", kind.pk, "-f", "json")
    assert outcome.json == {"deleted": True, "credential_type_id": kind.pk}


class TestFiles:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "bank.credential-type.json"
        path.write_text(definition())
        return path

    def test_import_export_and_import_elsewhere(
        self, cli: Cli, file: Path, tmp_path: Path, acme: Company, globex: Company, prototype: CredentialPrototype
    ) -> None:
        made = cli("credtype:import", file, "--company", "acme", "-f", "json").json
        assert (made["status"], made["imported"], made["code"], made["result"]) == (
            "success",
            True,
            "FioBank",
            "created",
        )
        found = CredentialType.objects.get(pk=made["credential_type_id"])
        assert (found.company, found.credential_prototype, str(found.uuid)) == (acme, prototype, made["uuid"])
        shown = cli("credential-type:get", found.pk, "-f", "json").json
        assert (shown["version"], shown["version_text"]) == (2, "2.1")
        assert [one["keyword"] for one in shown["fields"]][-1] == "BRANCH"
        copy = tmp_path / "copy.credential-type.json"
        assert cli("credential-type:export-json", found.pk, "--file", copy).code == 0
        assert json.loads(copy.read_text()) == json.loads(file.read_text())
        again = cli("credential-type:import-json", copy, "--company", "acme", "-f", "json").json
        other = cli("credential-type:import-json", copy, "--company", "globex", "-f", "json").json
        assert (again["result"], other["result"]) == ("unchanged", "created")

    def test_without_company_prototypes_are_imported(self, cli: Cli, file: Path, tmp_path: Path) -> None:
        prototype = tmp_path / "bank.credprototype.json"
        prototype.write_text(definition(fields=[], version="1.0"))
        assert cli("credential-type:import-json", prototype).code == 0
        assert CredentialPrototype.objects.get().code == "FioBank"
        refused = cli("credential-type:import-json", file)
        assert (refused.code, "give --company" in refused.err) == (1, True)

    def test_remove(self, cli: Cli, file: Path, acme: Company, globex: Company) -> None:
        for owner in ("acme", "globex"):
            cli("credential-type:import-json", file, "--company", owner)
        words = ["credential-type:remove-json", "--file", file, "--company", "acme", "-f", "json"]
        assert cli(*words[:3]).code == 2
        used = credential.create(
            SHELL, company=acme, kind=CredentialType.objects.get(company=acme), name="Main", values={}
        )
        refused = cli(*words)
        assert (refused.code, refused.json["removed"], "Main" in refused.json["message"]) == (1, False, True)
        credential.remove(SHELL, used)
        assert cli(*words, "--dry-run").json["removed"] is True
        assert CredentialType.objects.filter(company=acme).exists()
        assert cli(*words).json["removed"] is True
        assert list(CredentialType.objects.values_list("company__slug", flat=True)) == ["globex"]
        again = cli(*words)
        assert (again.code, again.json["removed"]) == (0, False)
        assert cli(*words, "--strict").code == 1
        file.write_text("{}")
        assert cli(*words).json["removed"] is False

    def test_validate(self, cli: Cli, file: Path) -> None:
        assert cli("credential-type:validate-json", file, "-f", "json").json["status"] == "success"
        file.write_text(definition(fields="none"))
        assert cli("credential-type:validate-json", file).code == 1
