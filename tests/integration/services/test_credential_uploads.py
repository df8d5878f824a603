"""Files as values of credentials: stored sealed, given to jobs and checks, never shown."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from uuid import uuid4

import pytest

from multiflexi.credentials import checking
from multiflexi.jobs import environment
from multiflexi.jobs.environment import CredentialProblem, Given
from multiflexi.models import (
    Application,
    AuditEntry,
    Company,
    Credential,
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialType,
    CredentialTypeField,
    CredentialTypeValue,
    CredentialValue,
    FileStore,
    Job,
    RunTemplate,
    User,
)
from multiflexi.record.actor import SYSTEM, Actor
from multiflexi.services import credential, credential_type, credential_uploads, encryption, run_template
from multiflexi.services.credential_assignment import assign
from multiflexi.services.credential_uploads import Upload
from multiflexi.services.errors import Invalid, Refused
from multiflexi.services.presenters.credential import with_values
from multiflexi.services.run_template_run import preview
from multiflexi.vault.errors import MasterKeyMissing
from multiflexi.vault.places import PLACES, walk
from tests.integration.credentials import fake
from tests.integration.credentials.conftest import provider  # noqa: F401

from .bank import SHELL

pytestmark = pytest.mark.usefixtures("ring")

CONTENT = b"\0\xff-----KEY-----\nhunter2-in-the-file\n"
PFX = Upload("../bank.p12", CONTENT)


@pytest.fixture
def kind(ring: None, acme: Company) -> CredentialType:
    prototype = CredentialPrototype.objects.create(uuid=uuid4(), code=fake.CODE, name="Bank")
    for keyword, type_, required in (
        ("ACCOUNT", "string", False),
        ("CERT_FILE", "file-path", True),
        ("CERT_PASS", "password", False),
    ):
        CredentialPrototypeField.objects.create(
            credential_prototype=prototype, keyword=keyword, type=type_, required=required, expiring=required
        )
    return credential_type.create(SHELL, company=acme, prototype=prototype)


@pytest.fixture
def stored(kind: CredentialType, acme: Company) -> Credential:
    return credential.create(SHELL, company=acme, kind=kind, name="Main", uploads={"CERT_FILE": PFX})


@pytest.fixture
def template(acme: Company) -> RunTemplate:
    app = Application.objects.create(uuid=uuid4(), code="x", name="X", executable="/bin/x")
    return run_template.create(SHELL, name="Ours", app=app, company=acme)


def make_job(template: RunTemplate) -> Job:
    return Job.objects.create(
        app=template.app, company=template.company, runtemplate=template, launched_by=User.objects.technical()
    )


def resolved(job: Job, directory: Path) -> environment.Resolved:
    return environment.resolve(job, installation={}, directory=lambda _job: str(directory))


class TestStored:
    def test_sealed_and_bound_to_the_company(self, stored: Credential) -> None:
        row = FileStore.objects.get()
        assert (row.field, row.file_name, row.size, row.secret) == ("CERT_FILE", "bank.p12", len(CONTENT), True)
        assert b"hunter2" not in bytes(row.file_data or b"")
        place = next(one for one in PLACES if one.table == "file_store")
        assert [(one.record, one.company_id) for batch in walk(place, 5) for one in batch] == [
            (row.pk, stored.company_id)
        ]

    def test_a_rotation_seals_it_anew(self, stored: Credential) -> None:
        before = bytes(FileStore.objects.get().file_data or b"")
        assert encryption.rotate(SYSTEM, ["credentials"], ()).failed == 0
        row = FileStore.objects.get()
        assert bytes(row.file_data or b"") != before
        assert credential_uploads.known(row) == PFX.fingerprint

    def test_the_same_file_changes_nothing_and_another_one_makes_a_version(self, stored: Credential) -> None:
        assert not credential.update(SHELL, stored, uploads={"CERT_FILE": PFX})
        assert credential.update(SHELL, stored, uploads={"CERT_FILE": Upload("bank.p12", b"another one")})
        stored.refresh_from_db()
        assert (stored.version, FileStore.objects.count()) == (2, 1)
        assert credential.update(SHELL, stored, uploads={"CERT_FILE": Upload("b.p12", b"another one")})

    def test_one_that_cannot_be_opened_is_replaced(self, stored: Credential) -> None:
        FileStore.objects.update(file_data=b"{}")
        assert credential.update(SHELL, stored, uploads={"CERT_FILE": PFX})
        assert credential_uploads.known(FileStore.objects.get()) == PFX.fingerprint

    def test_a_path_takes_its_place_and_the_other_way_round(self, stored: Credential) -> None:
        # A path that is called like the file was is another value all the same.
        assert credential.update(SHELL, stored, values={"CERT_FILE": "../bank.p12"})
        assert not FileStore.objects.exists()
        assert credential.update(SHELL, stored, uploads={"CERT_FILE": PFX})
        assert (CredentialValue.objects.count(), FileStore.objects.count()) == (1, 1)

    def test_cleared_or_with_its_credential_it_is_gone(self, stored: Credential) -> None:
        with pytest.raises(Invalid, match="needs values for CERT_FILE"):
            credential.update(SHELL, stored, values={"CERT_FILE": None})
        assert FileStore.objects.exists()
        CredentialPrototypeField.objects.update(required=False)
        credential.update(SHELL, stored, values={"CERT_FILE": None})
        assert not FileStore.objects.exists()
        credential.update(SHELL, stored, uploads={"CERT_FILE": PFX})
        credential.remove(SHELL, stored)
        assert not FileStore.objects.exists()

    def test_nothing_shows_it(self, stored: Credential) -> None:
        shown = with_values(stored)
        assert shown["files"]["CERT_FILE"] | {"uploaded_at": None} == {
            "file_name": "bank.p12",
            "size": len(CONTENT),
            "uploaded_at": None,
        }
        credential.update(SHELL, stored, uploads={"CERT_FILE": Upload("bank.p12", b"hunter2-again")})
        audit = json.dumps(list(AuditEntry.objects.values("changes", "additional_data")), default=str)
        assert "field.CERT_FILE" in audit
        assert "hunter2" not in f"{audit}{shown}{PFX!r}"


class TestRefused:
    @pytest.mark.parametrize(
        ("uploads", "values", "rule"),
        [
            ({"CERT_FILE": Upload("x", b"")}, {}, "is empty"),
            ({"CERT_FILE": Upload("x", b"x" * (credential_uploads.LARGEST + 1))}, {}, "larger than"),
            ({"CERT_PASS": PFX, "CERT_FILE": PFX}, {}, "takes a value and no file"),
            ({"OTHER": PFX}, {}, "no such field"),
            ({"CERT_FILE": PFX}, {"CERT_FILE": "shared/bank.p12"}, "a value and a file"),
            ({"CERT_FILE": PFX}, {"CERT_FILE": None}, "a value and a file"),
        ],
    )
    def test_what_no_field_takes(
        self, kind: CredentialType, acme: Company, uploads: dict, values: dict, rule: str
    ) -> None:
        with pytest.raises(Invalid, match=rule):
            credential.create(SHELL, company=acme, kind=kind, uploads=uploads, values=values)
        assert not Credential.objects.exists()
        assert not FileStore.objects.exists()

    def test_a_file_for_a_value_that_the_type_fixes(self, kind: CredentialType, acme: Company) -> None:
        CredentialTypeValue.objects.create(credential_type=kind, name="CERT_FILE", value="shared/x", kind="fixed")
        with pytest.raises(Invalid, match="is fixed by credential type"):
            credential.create(SHELL, company=acme, kind=kind, uploads={"CERT_FILE": PFX})

    def test_people_who_are_not_administrators(self, stored: Credential, bob: User) -> None:
        with pytest.raises(Refused):
            credential.update(Actor(bob.pk, "web"), stored, uploads={"CERT_FILE": Upload("x", b"x")})

    def test_without_the_master_key(self, kind: CredentialType, acme: Company, settings) -> None:
        from multiflexi.vault import keyring

        settings.ENCRYPTION_MASTER_KEY = None
        keyring.forget()
        with pytest.raises(MasterKeyMissing):
            credential.create(SHELL, company=acme, kind=kind, uploads={"CERT_FILE": PFX})
        assert not FileStore.objects.exists()


class TestJob:
    def test_gets_the_path_of_a_private_file_and_its_content_is_masked(
        self, stored: Credential, template: RunTemplate, tmp_path: Path
    ) -> None:
        assign(SHELL, template, stored)
        found = resolved(job := make_job(template), tmp_path)
        (path,) = environment.materialise_inputs(job, found, tmp_path)
        assert found.values["CERT_FILE"] == str(path) == str(tmp_path / "inputs" / "CERT_FILE" / "bank.p12")
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (CONTENT, 0o600)
        assert found.meta["CERT_FILE"]["source"] == f"credential:{stored.pk}"
        assert not found.is_secret("CERT_FILE")
        assert found.masker().mask_text("it says hunter2-in-the-file")[1] == 1
        assert b"hunter2" not in json.dumps(environment.snapshot(found, job.pk), default=str).encode()

    def test_is_masked_by_an_executor_that_adopts_it(
        self, stored: Credential, template: RunTemplate, tmp_path: Path
    ) -> None:
        assign(SHELL, template, stored)
        job = make_job(template)
        job.env, job.env_meta = environment.snapshot(resolved(job, tmp_path), job.pk)
        assert environment.restore(job).masker().mask_text("hunter2-in-the-file")[1] == 1

    def test_two_files_for_one_variable_do_not_meet(
        self, stored: Credential, kind: CredentialType, template: RunTemplate, acme: Company, tmp_path: Path
    ) -> None:
        """A field of the type that gets its value from another one is a variable of its own."""
        CredentialTypeField.objects.create(
            credential_type=kind, keyname="OLD_NAME", type="file-path", helper="CERT_FILE"
        )
        assign(SHELL, template, stored)
        found = resolved(job := make_job(template), tmp_path)
        assert len(set(environment.materialise_inputs(job, found, tmp_path))) == 2
        assert Path(found.values["OLD_NAME"]).read_bytes() == Path(found.values["CERT_FILE"]).read_bytes() == CONTENT

    @pytest.mark.parametrize("broken", [True, False])
    def test_is_blocked_when_the_file_cannot_be_opened(
        self, stored: Credential, template: RunTemplate, tmp_path: Path, broken: bool
    ) -> None:
        assign(SHELL, template, stored)
        found = resolved(job := make_job(template), tmp_path)
        if broken:
            FileStore.objects.update(file_data=b"{}")
            with pytest.raises(CredentialProblem, match="CERT_FILE cannot be decrypted"):
                environment.materialise_inputs(job, found, tmp_path)
        else:
            FileStore.objects.all().delete()
            with pytest.raises(environment.EnvironmentProblem, match="CERT_FILE is gone"):
                environment.materialise_inputs(job, found, tmp_path)

    def test_a_fixed_value_of_the_type_and_an_answer_of_the_provider_count_more(
        self, stored: Credential, kind: CredentialType, template: RunTemplate, tmp_path: Path
    ) -> None:
        assign(SHELL, template, stored)
        job = make_job(template)
        answer = {stored.pk: {"CERT_FILE": Given("/of/the/provider", secret=False)}}
        found = environment.resolve(job, installation={}, answers=lambda _credentials: answer)
        assert (found.values["CERT_FILE"], found.uploads) == ("/of/the/provider", {})
        CredentialTypeValue.objects.create(credential_type=kind, name="CERT_FILE", value="shared/x", kind="fixed")
        assert resolved(job, tmp_path).values["CERT_FILE"] == "shared/x"

    def test_the_preview_shows_path_and_source_only(self, stored: Credential, template: RunTemplate) -> None:
        assign(SHELL, template, stored)
        data = preview(template)
        (shown,) = [one for one in data["environment"] if one["name"] == "CERT_FILE"]
        assert shown["value"].endswith("/inputs/CERT_FILE/bank.p12")
        assert (shown["source_name"], shown["secret"]) == ("credential Main", False)
        assert "hunter2" not in str(data)

    def test_a_template_is_complete_with_it(self, stored: Credential, template: RunTemplate) -> None:
        template.app.fields.create(keyname="CERT_FILE", type="file-path", required=True)
        assert preview(template)["problems"] == ["CERT_FILE is required and has no value."]
        assign(SHELL, template, stored)
        assert preview(template)["problems"] == []


class TestCheck:
    def test_gets_the_content_and_no_path(self, stored: Credential, provider: fake.FakeBank) -> None:  # noqa: F811
        checking.check([stored.pk])
        (given,) = provider.checked
        assert (dict(given.files), dict(given.values)) == ({"CERT_FILE": CONTENT}, {})
        assert "hunter2" not in repr(given)

    def test_says_nothing_of_the_content(self, stored: Credential, provider: fake.FakeBank) -> None:  # noqa: F811
        provider.says(provider.result.state, "I read hunter2-in-the-file")  # type: ignore[union-attr]
        assert "hunter2" not in str(checking.check([stored.pk])[stored.pk].availability_message)

    def test_is_not_made_with_a_file_that_cannot_be_opened(
        self,
        stored: Credential,
        provider: fake.FakeBank,  # noqa: F811
    ) -> None:
        FileStore.objects.update(file_data=b"{}")
        found = checking.check([stored.pk])[stored.pk]
        assert (found.availability, provider.checked) == ("misconfigured", [])
        assert "CERT_FILE" in str(found.availability_message)

    def test_another_file_makes_what_was_known_worthless(
        self,
        stored: Credential,
        provider: fake.FakeBank,  # noqa: F811
    ) -> None:
        checking.check([stored.pk])
        credential.update(SHELL, stored, uploads={"CERT_FILE": Upload("x", b"x")})
        assert Credential.objects.get().availability == "unknown"
