"""Credential types: who may set them up, what they set for their credentials, and copies of them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from multiflexi.credentials import registry
from multiflexi.models import AuditEntry, Availability, Credential, CredentialType, CredentialTypeValue
from multiflexi.record.actor import Actor
from multiflexi.services import (
    credential_assignment,
    credential_fields,
    credential_type,
    credential_type_copy,
    credential_type_values,
    definitions,
    run_template,
)
from multiflexi.services.errors import Conflict, Invalid, NotFound, Refused
from multiflexi.services.presenters.credential_type import row, with_fields
from multiflexi.vault import envelope
from multiflexi.vault.secrecy import MASK, NOT_SET

from .bank import SHELL, make_credential, make_prototype, make_type

pytestmark = pytest.mark.usefixtures("ring")

SAFE = "p4ss-of-the-safe"


def by(user):
    return Actor(user_id=user.pk, origin="api")


@pytest.fixture
def prototype(db):
    return make_prototype()


@pytest.fixture
def kind(acme, prototype):
    return make_type(acme, prototype)


def value(kind, name):
    return CredentialTypeValue.objects.get(credential_type=kind, name=name)


class TestPermission:
    def test_administrators_of_the_company_set_them_up(self, acme, prototype, alice, bob, carol, root):
        made = credential_type.create(by(alice), company=acme, prototype=prototype, name="Ours")
        for stranger in (bob, carol):
            with pytest.raises(Refused):
                credential_type.create(by(stranger), company=acme, prototype=prototype)
        with pytest.raises(Refused, match="role admin in company ACME"):
            credential_type.update(by(bob), made, name="Mine")
        with pytest.raises(NotFound):
            credential_type.update(by(carol), made, name="Mine")
        assert credential_type.update(by(root), made, name="Theirs")
        credential_type.remove(by(alice), made)
        assert not CredentialType.objects.exists()

    def test_shared_ones_belong_to_the_installation(self, prototype, alice, root):
        with pytest.raises(Refused, match="super_admin"):
            credential_type.create(by(alice), company=None, prototype=prototype)
        made = credential_type.create(by(root), company=None, prototype=prototype)
        assert list(credential_type.query(by(alice))) == [made]
        with pytest.raises(Refused, match="super_admin"):
            credential_type.update(by(alice), made, name="Mine")


def test_each_has_a_uuid_of_its_own(acme, globex, prototype):
    first, second = make_type(acme, prototype), make_type(globex, prototype)
    assert len({first.uuid, second.uuid, prototype.uuid}) == 3
    assert (first.prototype, first.credential_prototype, first.version) == ("FioBank", prototype, "1.2")
    assert credential_type.find(SHELL, str(second.uuid)) == second


@pytest.mark.parametrize(("code", "waits"), [("MServer", True), ("FioBank", False)])
def test_whether_jobs_wait_for_a_degraded_service(acme, code, waits):
    assert make_type(acme, make_prototype(code)).gate_on_degraded is waits
    assert make_type(acme, make_prototype(f"{code}2"), gate_on_degraded=not waits).gate_on_degraded is not waits


class TestValues:
    def test_secret_ones_are_sealed_and_kinds_are_told_apart(self, acme, prototype):
        kind = make_type(
            acme, prototype, values={"SAFE_PASSWORD": SAFE, "DAYS": "7", "MODE": "live"}, fixed={"MODE": 1}
        )
        kinds = dict(CredentialTypeValue.objects.values_list("name", "kind"))
        assert kinds == {"SAFE_PASSWORD": "internal", "DAYS": "default", "MODE": "fixed"}
        stored = value(kind, "SAFE_PASSWORD")
        assert (stored.is_encrypted, SAFE in stored.value) == (True, False)
        opened = envelope.open_sealed(stored.value, table="credtypedata", field="value", record=stored.pk)
        assert opened == SAFE

    def test_they_are_written_like_those_of_credentials(self, kind):
        assert credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": SAFE, "DAYS": "7"})
        assert not credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": MASK, "DAYS": "7"})
        assert credential_type.update(SHELL, kind, fixed={"DAYS": True})
        assert value(kind, "DAYS").kind == "fixed"
        assert credential_type.update(SHELL, kind, values={"DAYS": "8"})
        assert value(kind, "DAYS").kind == "fixed"
        assert credential_type.update(SHELL, kind, fixed={"DAYS": False})
        assert value(kind, "DAYS").kind == "default"
        assert credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": None})
        assert list(kind.values.values_list("name", flat=True)) == ["DAYS"]

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"values": {"DAYS": "many"}}, "DAYS: write a whole number"),
            ({"values": {"PIN": "1"}}, "no such field"),
            ({"fixed": {"DAYS": True}}, "DAYS: the credential type has no value"),
            ({"values": {"SAFE_PASSWORD": SAFE}, "fixed": {"SAFE_PASSWORD": True}}, "it is an internal setting"),
        ],
    )
    def test_unusable_ones_are_refused(self, kind, given, text):
        with pytest.raises(Invalid) as refused:
            credential_type.update(SHELL, kind, name="New", **given)
        assert text in refused.value.message
        assert SAFE not in refused.value.message
        kind.refresh_from_db()
        assert (kind.name, kind.values.count()) == ("FioBank", 0)

    def test_switches_are_written_in_small_letters(self, kind):
        credential_type.update(SHELL, kind, values={"allow_http": "true", "proxy_password": SAFE})
        kinds = dict(CredentialTypeValue.objects.values_list("name", "kind"))
        assert kinds == {"allow_http": "internal", "proxy_password": "internal"}
        shown = {one["keyword"]: one["value"] for one in with_fields(kind)["fields"]}
        assert (shown["allow_http"], shown["proxy_password"]) == ("true", MASK)
        assert credential_type.update(SHELL, kind, values={"allow_http": None})

    def test_what_the_provider_keeps_to_itself_is_internal_in_older_definitions(self, acme, monkeypatch):
        provider = SimpleNamespace(definition=lambda: {"internal": ["ACCOUNT"]})
        monkeypatch.setattr(registry, "get", lambda code: provider)
        kind = make_type(acme, make_prototype(), values={"ACCOUNT": "42"})
        assert value(kind, "ACCOUNT").kind == "internal"

    def test_required_settings_that_are_missing_are_known(self, kind):
        kind.credential_prototype.fields.filter(keyword="SAFE_PASSWORD").update(required=True)
        fields = credential_fields.of_type(kind)
        assert credential_type_values.lacking(kind, fields) == ["SAFE_PASSWORD"]
        credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": SAFE})
        assert credential_type_values.lacking(kind, fields) == []

    def test_a_change_reaches_credentials_and_run_templates(self, kind, acme, template):
        found = make_credential(kind, acme)
        credential_assignment.assign(SHELL, template, found)
        run_template.update(SHELL, template, config={"DAYS": "1"})
        Credential.objects.update(availability=Availability.MISCONFIGURED)
        credential_type.update(SHELL, kind, values={"DAYS": "7"})
        found.refresh_from_db()
        assert found.availability == Availability.UNKNOWN
        assert template.configuration.get(name="DAYS").inactive

    def test_the_audit_trail_does_not_tell_them(self, kind):
        credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": SAFE, "DAYS": "4711"}, url="https://bank.example")
        entry = AuditEntry.objects.get(action="update", entity_type="CredentialType")
        assert entry.changes["url"]["new"] == "https://bank.example"
        assert {"field.SAFE_PASSWORD", "field.DAYS"} <= set(entry.changes)
        assert not [text for text in (SAFE, "4711") if text in json.dumps(entry.changes)]


def test_a_used_one_stays(kind, acme, prototype):
    made = make_credential(kind, acme)
    with pytest.raises(Refused) as refused:
        credential_type.remove(SHELL, kind)
    assert refused.value.details == {"credentials": [{"id": made.pk, "name": "Main"}]}
    other = make_prototype("Csas")
    with pytest.raises(Refused, match="another prototype"):
        credential_type.update(SHELL, kind, prototype=other)
    made.delete()
    assert credential_type.update(SHELL, kind, prototype=other)
    kind.refresh_from_db()
    assert (kind.prototype, kind.credential_prototype) == ("Csas", other)


def test_what_is_shown(kind):
    credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": SAFE, "DAYS": "7"})
    shown = with_fields(kind)
    assert (shown["version"], shown["version_text"], shown["class"]) == (1, "1.2", "FioBank")
    assert {one["keyword"]: (one["kind"], one["value"]) for one in shown["fields"]} == {
        "ACCOUNT": (None, None),
        "BANK_TOKEN": (None, NOT_SET),
        "DAYS": ("default", "7"),
        "MODE": (None, None),
        "SAFE_PASSWORD": ("internal", MASK),
    }
    assert row(CredentialType(name="x", version="beta"))["version"] == 0


class TestCopy:
    def test_it_is_independent(self, kind, acme, globex):
        kind.fields.create(keyname="EXTRA", type="string", defval="1")
        kind.translations.create(lang="cs", name="Banka")
        credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": SAFE, "DAYS": "7"}, url="https://bank.example")
        made, left_out = credential_type_copy.copy(SHELL, kind, globex, name="Copy")
        assert (made.company, made.uuid != kind.uuid, made.url, left_out) == (
            globex,
            True,
            "https://bank.example",
            ["SAFE_PASSWORD"],
        )
        assert list(made.fields.values_list("keyname", "defval")) == [("EXTRA", "1")]
        assert list(made.translations.values_list("lang", "name")) == [("cs", "Banka")]
        credential_type.update(SHELL, made, values={"DAYS": "8"})
        assert (value(kind, "DAYS").value, kind.fields.count(), kind.translations.count()) == ("7", 1, 1)

    def test_a_definition_is_there_once(self, kind, globex):
        document = {
            "uuid": str(kind.uuid),
            "code": "FioBank",
            "version": "1",
            "name": "B",
            "description": "",
            "fields": [],
        }
        made = definitions.import_type(SHELL, json.dumps(document).encode(), "x.credential-type.json", globex).record
        assert isinstance(made, CredentialType)
        with pytest.raises(Conflict, match="of this definition already"):
            credential_type_copy.copy(SHELL, made, globex)

    def test_it_takes_administrators_of_both(self, kind, globex, alice, carol):
        with pytest.raises(Refused, match="role admin in company Globex"):
            credential_type_copy.copy(by(alice), kind, globex)
        with pytest.raises(NotFound):
            credential_type_copy.copy(by(carol), kind, globex)
