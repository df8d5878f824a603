"""Credentials on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from multiflexi.credentials import checking
from multiflexi.jobs.inputs import content
from multiflexi.models import (
    AuditEntry,
    Company,
    Credential,
    CredentialPrototypeField,
    CredentialType,
    CredentialValue,
    FileStore,
    RunTemplate,
    User,
)
from multiflexi.services import credential_assignment
from multiflexi.services.sealed_values import opened
from multiflexi.vault.secrecy import MASK
from tests.integration.services.bank import SHELL, TOKEN, make_credential, make_prototype, make_type

from .conftest import Cli

pytestmark = pytest.mark.usefixtures("ring")


@pytest.fixture
def kind(ring: None, acme: Company) -> CredentialType:
    return make_type(acme)


@pytest.fixture
def stored(acme: Company, kind: CredentialType) -> Credential:
    return make_credential(kind, acme, ACCOUNT="42")


def value(name: str = "BANK_TOKEN") -> str | None:
    return opened(CredentialValue.objects.get(name=name))


def create(cli: Cli, *words: object, **more: Any) -> Any:
    return cli("credential:create", "--company-id", "acme", "--type", "FioBank", *words, **more)


@pytest.mark.usefixtures("kind")
class TestCreate:
    def test_the_result_in_both_formats(self, cli: Cli, acme: Company, kind: CredentialType) -> None:
        words = ["--company-id", acme.pk, "--credential-type-id", kind.pk]
        outcome = cli("credential:create", "--name", "Main", *words, "-f", "json")
        number = Credential.objects.get().pk
        assert outcome.json == {
            "status": "success",
            "message": f"Credential Main created, ID: {number}",
            "credential_id": number,
            "id": number,
            "created": True,
        }
        assert "needs values for BANK_TOKEN" in outcome.err
        assert cli("credential:create", *words).out.strip().endswith(f"ACME created, ID: {number + 1}")

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["--field", "BANK_TOKEN=a=b:c"], "a=b:c"),
            (["--field", "BANK_TOKEN:a=b:c"], "a=b:c"),
            (["--BANK_TOKEN=a=b:c"], "a=b:c"),
            (["--field=BANK_TOKEN:https://x.example/?a=b"], "https://x.example/?a=b"),
            (["--field-stdin", "BANK_TOKEN"], "of the pipe"),
            (["--field-file", "BANK_TOKEN=FILE"], "of the file"),
            (["--field-file", "BANK_TOKEN:FILE"], "of the file"),
        ],
    )
    def test_ways_to_give_a_value(self, cli: Cli, tmp_path: Path, words: list[str], expected: str) -> None:
        file = tmp_path / "token"
        file.write_text("of the file\n")
        outcome = create(cli, *(word.replace("FILE", str(file)) for word in words), stdin="of the pipe\n")
        assert (outcome.code, value()) == (0, expected)
        assert ("history of the shell" in outcome.err) is ("field-" not in words[0])
        assert expected not in outcome.out + outcome.err

    def test_a_file_field_takes_the_file_as_it_is(self, cli: Cli, kind: CredentialType, tmp_path: Path) -> None:
        CredentialPrototypeField.objects.create(
            credential_prototype=kind.credential_prototype, keyword="CERT_FILE", type="file-path"
        )
        file = tmp_path / "bank.p12"
        file.write_bytes(b"\xff\0\n")
        outcome = create(cli, "--BANK_TOKEN=of-the-bank", "--field-file", f"CERT_FILE={file}")
        assert outcome.code == 0
        row = FileStore.objects.get()
        assert (row.file_name, content(row)) == ("bank.p12", b"\xff\0\n")
        shown = cli("credential:get", "ACME", "-f", "json").json
        assert (shown["CERT_FILE"], shown["files"]["CERT_FILE"]["size"]) == ("bank.p12", 3)
        assert cli("credential:update", "ACME", "--field-file", "CERT_FILE:-", stdin="of the pipe").code == 0
        assert content(FileStore.objects.get()) == b"of the pipe"
        assert cli("credential:update", "ACME", "--field", "CERT_FILE=shared/bank.p12").code == 0
        assert not FileStore.objects.exists()

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["--field-file", "CERT_FILE=/nonexistent"], 2),
            (["--field-file", "CERT_FILE=/etc/hostname", "--field-file", "CERT_FILE=/etc/hostname"], 2),
            (["--field-file", "CERT_FILE=/etc/hostname", "--field", "CERT_FILE=x"], 1),
            (["--field-file", "CERT_FILE=/dev/null"], 2),
        ],
    )
    def test_files_that_are_refused(self, cli: Cli, kind: CredentialType, words: list[str], code: int) -> None:
        CredentialPrototypeField.objects.create(
            credential_prototype=kind.credential_prototype, keyword="CERT_FILE", type="file-path"
        )
        assert create(cli, "--BANK_TOKEN=of-the-bank", *words).code == code
        assert not Credential.objects.exists()

    def test_a_question_without_a_terminal_is_wrong_use(self, cli: Cli) -> None:
        assert create(cli, "--field-prompt", "BANK_TOKEN", stdin="x").code == 2

    def test_a_question_on_a_terminal(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("multiflexi.cli.field_options.is_terminal", lambda: True)
        monkeypatch.setattr("getpass.getpass", lambda prompt, stream: f"answer to {prompt}")
        assert create(cli, "--field-prompt", "BANK_TOKEN").code == 0
        assert value() == "answer to BANK_TOKEN: "

    @pytest.mark.parametrize(
        ("words", "code", "text"),
        [
            (["--field", "hunter2-without-key"], 2, "write KEY=VALUE"),
            (["--field", "=hunter2-without-key"], 2, "write KEY=VALUE"),
            (["--field", "BANK_TOKEN=hunter2-twice", "--field", "BANK_TOKEN=hunter2"], 2, "more than once"),
            (["--field", "PIN=hunter2"], 1, "no such field"),
            (["--field", "ACCOUNT=hunter2"], 1, "needs values for BANK_TOKEN"),
            (["--field", "DAYS=hunter2", "--field", "BANK_TOKEN=hunter2"], 1, "DAYS: write a whole number"),
            (["--field-file", "BANK_TOKEN=/nonexistent"], 2, "cannot be read"),
            (["--expires", "BANK_TOKEN=someday"], 2, "is no time"),
        ],
    )
    def test_refusals_store_and_repeat_nothing(self, cli: Cli, words: list[str], code: int, text: str) -> None:
        outcome = create(cli, *words, "-f", "json")
        assert (outcome.code, outcome.json["status"]) == (code, "error")
        assert text in outcome.err
        assert "hunter2" not in outcome.out + outcome.err
        assert not Credential.objects.exists()

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["--company-id", "nope", "--type", "FioBank"], 1),
            (["--company-id", "acme", "--type", "nope"], 1),
            (["--company-id", "acme"], 2),
            (["--type", "FioBank"], 2),
        ],
    )
    def test_company_and_type_must_exist(self, cli: Cli, words: list[str], code: int) -> None:
        assert cli("credential:create", "--name", "x", *words).code == code
        assert not Credential.objects.exists()

    def test_a_secret_that_cannot_be_masked_is_told(self, cli: Cli) -> None:
        assert "BANK_TOKEN is shorter than 4 characters" in create(cli, "--field-stdin", "BANK_TOKEN", stdin="abc").err

    def test_a_day_on_which_it_expires(self, cli: Cli) -> None:
        outcome = create(cli, "--BANK_TOKEN=of-the-bank", "--expires", "BANK_TOKEN=2100-01-02T03:04:05Z")
        assert outcome.code == 0
        assert CredentialValue.objects.get().expires_at == datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert cli("credential:update", "ACME", "--expires", "BANK_TOKEN=").code == 0
        assert CredentialValue.objects.get().expires_at is None


class TestShow:
    def test_list(self, cli: Cli, acme: Company, globex: Company, stored: Credential, kind: CredentialType) -> None:
        record = {
            "id": stored.pk,
            "name": "Main",
            "company_id": acme.pk,
            "formType": "FioBank",
            "credential_type_id": kind.pk,
        }
        for words in ([], ["--company", "acme"], ["--type", "fiobank"], ["--search", "MAI"]):
            assert cli("credential:list", *words, "-f", "json").json == [record]
        for words in (["--company", "globex"], ["--company", "nope"], ["--type", "Csas"], ["--search", "x"]):
            assert cli("credential:list", *words, "-f", "json").json == []

    def test_get_masks(self, cli: Cli, stored: Credential) -> None:
        for reference in (stored.pk, "Main"):
            shown = cli("credential:get", reference, "-f", "json")
            assert shown.json["BANK_TOKEN"] == MASK
            assert (shown.json["ACCOUNT"], shown.json["DAYS"], shown.json["version"]) == ("42", None, 1)
            assert TOKEN not in shown.out
        assert cli("credential:show", stored.pk, "--fields", "BANK_TOKEN", "-f", "json").json == {"BANK_TOKEN": MASK}

    def test_an_unknown_one_is_not_found(self, cli: Cli) -> None:
        assert cli("credential:get", 4711, "-f", "json").json["status"] == "not found"


class TestReveal:
    @pytest.fixture(autouse=True)
    def keeper(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("multiflexi.cli.identity.login_name", lambda: "root")

    @pytest.mark.parametrize(("words", "answer"), [(["-y"], ""), ([], "y\n")])
    def test_with_consent(self, cli: Cli, stored: Credential, words: list[str], answer: str) -> None:
        outcome = cli("credential:get", stored.pk, "--reveal", "--reason", "moving", *words, "-f", "json", stdin=answer)
        assert outcome.json["BANK_TOKEN"] == TOKEN
        entry = AuditEntry.objects.get(event_type="credential_revealed")
        assert entry.additional_data["reason"] == "moving"
        assert entry.user_id == User.objects.get(login="root").pk

    @pytest.mark.parametrize(("words", "answer"), [(["-n"], ""), ([], "\n"), ([], "n\n"), ([], "")])
    def test_without_consent(self, cli: Cli, stored: Credential, words: list[str], answer: str) -> None:
        outcome = cli("credential:get", stored.pk, "--reveal", *words, "-f", "json", stdin=answer)
        assert (outcome.code, outcome.json["code"], TOKEN in outcome.out) == (1, "aborted", False)
        assert not AuditEntry.objects.filter(event_type="credential_revealed").exists()

    def test_without_permission(self, cli: Cli, stored: Credential, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("multiflexi.cli.identity.login_name", lambda: "bob")
        outcome = cli("credential:get", stored.pk, "--reveal", "-y", "-f", "json")
        assert (outcome.code, outcome.json["code"]) == (1, "not_permitted")
        assert TOKEN not in outcome.out + outcome.err
        assert AuditEntry.objects.filter(event_type="access_denied").exists()


class TestUpdate:
    def test_the_result(self, cli: Cli, stored: Credential) -> None:
        words = ["credential:update", stored.pk, "--name", "Second", "--field", "ACCOUNT:4711", "-f", "json"]
        assert cli(*words).json == {
            "status": "success",
            "message": f"Credential {stored.pk} updated",
            "credential_id": stored.pk,
            "updated": True,
        }
        assert (value("ACCOUNT"), value()) == ("4711", TOKEN)
        again = cli(*words)
        assert (again.code, again.json["updated"]) == (0, False)

    def test_a_mask_written_back_changes_nothing(self, cli: Cli, stored: Credential) -> None:
        for text in (MASK, "", "(not set)"):
            assert not cli("credential:update", stored.pk, "--field", f"BANK_TOKEN={text}", "-f", "json").json[
                "updated"
            ]
        assert value() == TOKEN

    def test_clearing(self, cli: Cli, stored: Credential) -> None:
        assert cli("credential:update", stored.pk, "--field-clear", "ACCOUNT").code == 0
        assert not CredentialValue.objects.filter(name="ACCOUNT").exists()
        refused = cli("credential:update", stored.pk, "--field-clear", "BANK_TOKEN", "-f", "json")
        assert refused.json["details"] == {"missing": ["BANK_TOKEN"]}

    def test_what_forms_send_back(self, cli: Cli, stored: Credential, kind: CredentialType, acme: Company) -> None:
        words = ["--name", "Main", "--company-id", acme.pk, "--credential-type-id", kind.pk]
        assert cli("credential:update", "--id", stored.pk, *words).code == 0


class TestRemove:
    def test_with_its_users(self, cli: Cli, stored: Credential, template: RunTemplate) -> None:
        credential_assignment.assign(SHELL, template, stored)
        dry = cli("credential:remove", stored.pk, "--dry-run", "-f", "json").json
        assert (dry["dry_run"], dry["run_templates"]) == (True, [template.pk])
        refused = cli("credential:remove", stored.pk, "-f", "json")
        assert (refused.code, refused.json["code"]) == (1, "credential_in_use")
        assert refused.json["details"] == {"run_templates": [{"id": template.pk, "name": "Morning echo"}]}
        forced = cli("credential:delete", stored.pk, "--force", "-f", "json")
        assert forced.json == {
            "status": "success",
            "message": f"Credential {stored.pk} deleted",
            "credential_id": stored.pk,
            "removed": True,
        }
        assert "Morning echo" in forced.err


class TestEncryptExisting:
    def test_counts(self, cli: Cli, stored: Credential) -> None:
        CredentialValue.objects.filter(name="BANK_TOKEN").update(value=TOKEN, is_encrypted=False)
        dry = cli("credential:encrypt-existing", "--dry-run", "-f", "json").json
        assert (dry["dry_run"], dry["scanned"], dry["to_encrypt"]) == (True, 2, 1)
        done = cli("credential:encrypt-existing", "--batch-size", 1, "-f", "json").json
        assert (done["status"], done["encrypted"], done["failed"]) == ("success", 1, 0)
        assert value() == TOKEN
        assert CredentialValue.objects.get(name="BANK_TOKEN").is_encrypted

    def test_without_a_fitting_key(self, cli: Cli, stored: Credential, settings: Any) -> None:
        settings.ENCRYPTION_MASTER_KEY = "another master key of 32 characters"
        for words in ([], ["--dry-run"]):
            outcome = cli("credential:encrypt-existing", *words, "-f", "json")
            assert (outcome.code, outcome.json["code"]) == (78, "encryption_unavailable")


class TestCheck:
    """The checks themselves are tested where they are made."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
        calls: list[list[int]] = []

        def check(ids: list[int], **_: object) -> dict[int, Credential]:
            calls.append(list(ids))
            for number in ids:
                state = "misconfigured" if Credential.objects.get(pk=number).name == "Broken" else "available"
                Credential.objects.filter(pk=number).update(
                    availability=state,
                    availability_message="As told",
                    checked_at=timezone.now(),
                    check_valid_until=datetime(2100, 1, 1, tzinfo=UTC),
                )

            return {one.pk: one for one in Credential.objects.filter(pk__in=ids)}

        monkeypatch.setattr(checking, "check", check)
        return calls

    def test_one(self, cli: Cli, stored: Credential, asked: list[list[int]]) -> None:
        found = cli("credential:check", stored.pk, "-f", "json")
        assert (found.code, list(found.json)) == (
            0,
            ["credential_id", "name", "state", "message", "checked_at", "valid_until", "details"],
        )
        assert (found.json["state"], found.json["details"]) == ("available", {})
        assert cli("credential:check", stored.pk).out == f"Main ({stored.pk}): available  As told\n"
        assert asked == [[stored.pk]]
        refused = cli("credential:check", stored.pk, "--refresh", "-f", "json")
        assert (refused.code, refused.json["code"]) == (1, "too_many_checks")
        Credential.objects.update(checked_at=timezone.now() - timedelta(seconds=11))
        assert cli("credential:check", stored.pk, "--refresh").code == 0
        assert asked == [[stored.pk]] * 2

    @pytest.mark.parametrize("seconds", [0, 16])
    def test_a_time_limit_that_no_check_can_have(self, cli: Cli, stored: Credential, seconds: int) -> None:
        outcome = cli("credential:check", stored.pk, "--timeout", seconds)
        assert outcome.code in {1, 2}
        assert "between 1 and 15" in outcome.err or "timeout" in outcome.err

    def test_several(
        self, cli: Cli, stored: Credential, kind: CredentialType, acme: Company, asked: list[list[int]]
    ) -> None:
        broken = make_credential(kind, acme, "Broken")
        for words in (["--all"], ["--company", "acme"], [stored.pk, "Broken"]):
            outcome = cli("credential:check", *words, "-f", "json")
            assert outcome.code == 1
            assert [(one["credential_id"], one["state"]) for one in outcome.json] == [
                (stored.pk, "available"),
                (broken.pk, "misconfigured"),
            ]
        assert asked == [[stored.pk, broken.pk]]

    def test_which_ones_must_be_said(self, cli: Cli) -> None:
        assert cli("credential:check").code == 2


class TestAssignment:
    def test_assign_list_and_unassign(self, cli: Cli, stored: Credential, template: RunTemplate) -> None:
        words = [template.pk, "--credential_id", stored.pk, "-f", "json"]
        result = {"runtemplate_id": template.pk, "credential_id": stored.pk}
        for _again in range(2):
            outcome = cli("run-template:assign-credential", *words)
            assert (outcome.code, outcome.json) == (0, {"status": "ok", **result, "prototype": "FioBank"})
        [listed] = cli("run-template:list-credentials", template.pk, "-f", "json").json
        kind = stored.credential_type
        assert listed == {
            "id": template.assigned_credentials.get().pk,
            "runtemplate_id": template.pk,
            "credentials_id": stored.pk,
            "credential_name": "Main",
            "credential_type_name": "FioBank",
            "credential_prototype": "FioBank",
            "credential_type_uuid": str(kind.uuid),
            "credential_type_logo": None,
        }
        assert cli("run-template:unassign-credential", *words).json == {"status": "ok", **result}
        gone = cli("runtemplate:remove-credential", *words)
        assert (gone.code, gone.json["status"]) == (0, "not_found")
        assert cli("run-template:list-credentials", template.pk, "-f", "json").json == []

    def test_what_it_overrides_is_told(
        self, cli: Cli, stored: Credential, kind: CredentialType, acme: Company, template: RunTemplate
    ) -> None:
        cli("run-template:update", template.pk, "--config", "ACCOUNT=own")
        outcome = cli("run-template:assign-credential", "--template", template.pk, "--credential", "Main")
        assert "rest while it is assigned: ACCOUNT" in outcome.err
        second = make_credential(kind, acme, "Second", ACCOUNT="43")
        replaced = cli("run-template:assign-credential", template.pk, "--credential", second.pk)
        assert f"takes the place of credential {stored.pk}" in replaced.err

    def test_two_with_one_name_are_told(
        self, cli: Cli, stored: Credential, acme: Company, template: RunTemplate
    ) -> None:
        other = make_credential(make_type(acme, make_prototype("Csas")), acme, "Other")
        cli("run-template:assign-credential", template.pk, "--credential", stored.pk, "--position", 5)
        outcome = cli("run-template:assign-credential", template.pk, "--credential", other.pk, "--position", 1)
        assert f"the value of Main ({stored.pk}) counts" in outcome.err
        assert "BANK_TOKEN is offered by" in cli("run-template:list-credentials", template.pk).err

    @pytest.mark.usefixtures("stored")
    def test_unknown_ones(self, cli: Cli, template: RunTemplate) -> None:
        outcome = cli("run-template:assign-credential", template.pk, "--credential_id", 4711, "-f", "json")
        assert (outcome.code, outcome.json["status"]) == (1, "not found")
        assert cli("run-template:unassign-credential", template.pk, "--credential_id", 4711).code == 0
        assert cli("run-template:assign-credential", template.pk).code == 2


def test_a_field_declared_later_is_asked_for(cli: Cli, stored: Credential) -> None:
    CredentialPrototypeField.objects.filter(keyword="DAYS").update(required=True)
    assert "needs values for DAYS" in cli("credential:update", stored.pk, "--note", "x").err
