"""Credentials: who may do what, how values are written, what the audit trail keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from multiflexi.models import (
    AuditEntry,
    Availability,
    Credential,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    EncryptionKey,
)
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_assignment, credential_fields, credential_type, run_template
from multiflexi.services.errors import Invalid, NotFound, Refused
from multiflexi.services.presenters.credential import with_values
from multiflexi.vault import envelope
from multiflexi.vault.errors import VaultError
from multiflexi.vault.secrecy import MASK, NOT_SET

from .bank import SHELL, TOKEN, make_credential, make_prototype, make_type

pytestmark = pytest.mark.usefixtures("ring")

TOMORROW = datetime(2100, 1, 2, tzinfo=UTC)


def by(user):
    return Actor(user_id=user.pk, origin="api")


@pytest.fixture
def kind(acme):
    return make_type(acme)


@pytest.fixture
def stored(kind, acme):
    return make_credential(kind, acme, ACCOUNT="42")


def value(credential, name="BANK_TOKEN"):
    return CredentialValue.objects.get(credential=credential, name=name)


def opened(credential, name="BANK_TOKEN"):
    row = value(credential, name)
    return envelope.open_sealed(row.value, table="credata", field="value", record=row.pk)


class TestPermission:
    def test_administrators_of_the_company_make_and_change_them(self, acme, kind, alice, bob, carol, root):
        made = credential.create(by(alice), company=acme, kind=kind, name="Main")
        for stranger in (bob, carol, None):
            actor = by(stranger) if stranger else Actor(user_id=None, origin="api")
            with pytest.raises(Refused) as refused:
                credential.create(actor, company=acme, kind=kind)
            assert refused.value.code == "not_permitted"
        with pytest.raises(Refused, match="role admin in company ACME"):
            credential.update(by(bob), made, name="Mine")
        with pytest.raises(Refused):
            credential.remove(by(bob), made)
        assert credential.update(by(root), made, name="Ours")
        credential.remove(by(alice), made)
        assert not Credential.objects.exists()

    def test_foreign_ones_do_not_exist(self, stored, alice, bob, carol):
        assert list(credential.query(by(bob))) == [stored]
        assert list(credential.query(by(carol))) == []
        with pytest.raises(NotFound):
            credential.find(by(carol), stored.pk)
        for change in (credential.update, credential.remove):
            with pytest.raises(NotFound):
                change(by(carol), stored)

    def test_a_type_of_another_company_is_of_no_use(self, stored, acme, globex, kind):
        with pytest.raises(Refused, match="belongs to another company"):
            credential.create(SHELL, company=globex, kind=kind)
        foreign = make_type(globex, kind.credential_prototype)
        with pytest.raises(Refused, match="belongs to another company"):
            credential.update(SHELL, stored, kind=foreign)
        with pytest.raises(Refused, match="stays with its company"):
            credential.update(SHELL, stored, company=globex)
        shared = make_type(None, kind.credential_prototype)
        assert credential.create(SHELL, company=globex, kind=shared).company == globex


class TestWriting:
    def test_a_secret_is_sealed_for_its_row(self, stored, acme):
        row = value(stored)
        assert (row.is_encrypted, TOKEN in row.value, opened(stored)) == (True, False, TOKEN)
        assert row.key == EncryptionKey.objects.get(key_name="credentials")
        assert (value(stored, "ACCOUNT").value, value(stored, "ACCOUNT").is_encrypted) == ("42", False)

    @pytest.mark.parametrize("kept", ["", MASK, NOT_SET])
    def test_an_empty_text_or_the_mask_keeps_a_secret(self, stored, kept):
        assert not credential.update(SHELL, stored, values={"BANK_TOKEN": kept})
        stored.refresh_from_db()
        assert (opened(stored), stored.version) == (TOKEN, 1)

    def test_a_text_replaces_and_makes_a_version(self, stored, alice):
        assert credential.update(by(alice), stored, values={"BANK_TOKEN": "another-one", "ACCOUNT": ""})
        stored.refresh_from_db()
        assert (opened(stored), value(stored, "ACCOUNT").value, stored.version) == ("another-one", "", 2)
        assert value(stored).updated_by == alice
        assert not credential.update(SHELL, stored, values={"BANK_TOKEN": "another-one"})
        stored.refresh_from_db()
        assert stored.version == 2

    def test_null_clears_but_nothing_that_is_required(self, stored):
        with pytest.raises(Invalid, match="needs values for BANK_TOKEN") as refused:
            credential.update(SHELL, stored, values={"BANK_TOKEN": None, "ACCOUNT": None})
        assert refused.value.details == {"missing": ["BANK_TOKEN"]}
        assert opened(stored) == TOKEN
        assert credential.update(SHELL, stored, values={"ACCOUNT": None})
        assert not CredentialValue.objects.filter(name="ACCOUNT").exists()

    def test_an_empty_one_can_be_made_and_filled_later(self, acme, kind):
        made = credential.create(SHELL, company=acme, kind=kind)
        assert (made.name, credential.missing(made)) == ("ACME", ["BANK_TOKEN"])
        credential.update(SHELL, made, values={"ACCOUNT": "1"})
        assert credential.update(SHELL, made, values={"BANK_TOKEN": TOKEN})
        assert credential.missing(made) == []

    def test_with_values_nothing_required_may_be_missing(self, acme, kind):
        with pytest.raises(Invalid, match="BANK_TOKEN"):
            credential.create(SHELL, company=acme, kind=kind, values={"ACCOUNT": "1"})
        assert not Credential.objects.exists()
        credential_type.update(SHELL, kind, values={"BANK_TOKEN": "of-the-type"})
        assert credential.create(SHELL, company=acme, kind=kind, values={"ACCOUNT": "1"})

    @pytest.mark.parametrize(
        ("values", "text"),
        [
            ({"DAYS": "many"}, "DAYS: write a whole number"),
            ({"MODE": "sandbox"}, "MODE: choose one of: test, live"),
            ({"ACCOUNT": "4\n2"}, "ACCOUNT holds one line"),
            ({"BANK_TOKEN": "sup3r\0secret"}, "BANK_TOKEN: a value cannot contain a NUL"),
            ({"PIN": "1234-secret"}, "PIN: credential type FioBank has no such field; its fields: ACCOUNT, BANK_TOKEN"),
            ({"SAFE_PASSWORD": "sup3r-secret"}, "SAFE_PASSWORD: it is a setting of credential type"),
        ],
    )
    def test_unusable_values_name_field_and_rule(self, stored, values, text):
        with pytest.raises(Invalid) as refused:
            credential.update(SHELL, stored, values={"BANK_TOKEN": "new-token", **values})
        ((name, given),) = values.items()
        assert text in refused.value.message
        assert refused.value.details["field"] == name
        assert given not in refused.value.message or name in ("DAYS", "MODE")
        assert opened(stored) == TOKEN

    def test_a_fixed_value_of_the_type_cannot_be_overridden(self, stored, kind):
        credential_type.update(SHELL, kind, values={"DAYS": "7"}, fixed={"DAYS": True})
        with pytest.raises(Invalid, match="fixed by credential type FioBank"):
            credential.update(SHELL, stored, values={"DAYS": "9"})
        assert with_values(stored)["DAYS"] == "7"

    def test_without_keys_nothing_is_stored(self, acme, kind, settings):
        settings.ENCRYPTION_MASTER_KEY = "another master key of 32 characters"
        with pytest.raises(VaultError):
            credential.create(SHELL, company=acme, kind=kind, values={"BANK_TOKEN": TOKEN})
        assert not Credential.objects.exists()

    def test_a_value_that_cannot_be_opened_can_be_replaced(self, stored):
        CredentialValue.objects.filter(name="BANK_TOKEN").update(value="{}")
        assert credential.update(SHELL, stored, values={"BANK_TOKEN": "new-token"})
        assert opened(stored) == "new-token"

    def test_a_value_that_lies_open_is_sealed_when_it_is_written_again(self, stored):
        CredentialValue.objects.filter(name="BANK_TOKEN").update(value=TOKEN, is_encrypted=False)
        assert credential.update(SHELL, stored, values={"BANK_TOKEN": TOKEN})
        assert opened(stored) == TOKEN

    def test_what_the_last_check_said_does_not_count_any_more(self, stored):
        checked = {"availability": Availability.MISCONFIGURED, "check_valid_until": timezone.now(), "check_failures": 3}
        Credential.objects.filter(pk=stored.pk).update(**checked)
        credential.update(SHELL, stored, note="renamed")
        stored.refresh_from_db()
        assert stored.availability == Availability.MISCONFIGURED
        credential.update(SHELL, stored, values={"BANK_TOKEN": "new-token"})
        stored.refresh_from_db()
        assert (stored.availability, stored.check_valid_until, stored.check_failures) == ("unknown", None, 0)


class TestExpiry:
    def test_dates_are_kept_until_the_value_changes(self, stored):
        assert credential.update(SHELL, stored, expires={"BANK_TOKEN": TOMORROW})
        assert value(stored).expires_at == TOMORROW
        assert with_values(stored)["expires"] == {"BANK_TOKEN": TOMORROW}
        later = TOMORROW + timedelta(days=90)
        credential.update(SHELL, stored, values={"BANK_TOKEN": "second-one"}, expires={"BANK_TOKEN": later})
        assert value(stored).expires_at == later
        credential.update(SHELL, stored, values={"BANK_TOKEN": "third-one"})
        assert value(stored).expires_at is None

    @pytest.mark.parametrize("name", ["ACCOUNT", "PIN"])
    def test_only_what_expires_has_a_date(self, stored, name):
        with pytest.raises(Invalid, match=f"{name}: only secrets"):
            credential.update(SHELL, stored, expires={name: TOMORROW})

    def test_a_value_must_be_there(self, acme, kind):
        made = credential.create(SHELL, company=acme, kind=kind)
        with pytest.raises(Invalid, match="no value that could expire"):
            credential.update(SHELL, made, expires={"BANK_TOKEN": TOMORROW})


class TestType:
    def test_it_may_change_within_its_kind(self, stored, acme, kind):
        other = make_type(acme, kind.credential_prototype, name="Second")
        assert credential.update(SHELL, stored, kind=other)
        assert credential.find(SHELL, stored.pk).credential_type == other
        foreign = make_type(acme, make_prototype("Csas"))
        with pytest.raises(Refused, match="is of kind FioBank"):
            credential.update(SHELL, stored, kind=foreign)

    def test_its_fields_must_have_room_for_the_values(self, stored, acme):
        bare = CredentialType.objects.create(name="Bare", company=acme, prototype="FioBank")
        with pytest.raises(Refused, match="no fields ACCOUNT, BANK_TOKEN"):
            credential.update(SHELL, stored, kind=bare)


class TestRemoval:
    @pytest.fixture
    def used(self, stored, template, operator):
        credential_assignment.assign(operator, template, stored)
        return template

    def test_it_is_refused_while_active_run_templates_use_it(self, stored, used):
        with pytest.raises(Refused) as refused:
            credential.remove(SHELL, stored)
        assert refused.value.details == {"run_templates": [{"id": used.pk, "name": used.name}]}
        run_template.update(SHELL, used, active=False)
        credential.remove(SHELL, stored)
        assert not Credential.objects.exists()

    def test_forced_they_are_incomplete(self, stored, used, app):
        app.requirements = ["FioBank"]
        app.save()
        run_template.update(SHELL, used, note="refreshed")
        used.refresh_from_db()
        assert (used.complete, used.next_schedule is not None) == (True, True)
        assert credential.remove(SHELL, stored, force=True) == [used]
        used.refresh_from_db()
        assert (used.complete, used.next_schedule) == (False, None)
        entry = AuditEntry.objects.get(action="delete", entity_type="Credential")
        assert (entry.severity, entry.additional_data["run_templates"]) == ("high", [used.pk])


def test_masked_in_what_is_shown(stored):
    shown = with_values(stored)
    assert list(shown) == [
        *("id", "name", "company_id", "formType", "credential_type_id"),
        *("ACCOUNT", "BANK_TOKEN", "DAYS", "MODE", "version", "availability", "expires"),
    ]
    assert (shown["ACCOUNT"], shown["BANK_TOKEN"], shown["DAYS"]) == ("42", MASK, None)


def test_no_field_hides_a_column(acme, kind):
    kind.fields.create(keyname="id", type="string")
    made = credential.create(SHELL, company=acme, kind=kind, values={"id": "x", "BANK_TOKEN": TOKEN})
    assert with_values(made)["id"] == made.pk


@pytest.mark.parametrize(("text", "told"), [("abc", True), ("Admin", True), ("a long one", False), (MASK, False)])
def test_secrets_that_cannot_be_masked_are_told(kind, text, told):
    hints = credential_fields.hints(credential_fields.of_type(kind), {"BANK_TOKEN": text, "ACCOUNT": "1"})
    assert [text in hint for hint in hints] == ([False] if told else [])
    assert all(hint.startswith("BANK_TOKEN is shorter") for hint in hints)


def test_the_audit_trail_says_what_changed_and_no_value(stored, operator):
    credential.update(operator, stored, name="Renamed", values={"BANK_TOKEN": "second-token", "ACCOUNT": "4711"})
    entries = AuditEntry.objects.filter(entity_type="Credential").order_by("pk")
    assert [(entry.action, entry.company_id, entry.severity) for entry in entries] == [
        ("create", stored.company_id, "medium"),
        ("update", stored.company_id, "medium"),
    ]
    changed = entries[1].changes
    assert changed["name"] == {"old": "Main", "new": "Renamed"}
    assert changed["field.BANK_TOKEN"]["hashed"]
    assert changed["field.BANK_TOKEN"]["old"] != changed["field.BANK_TOKEN"]["new"]
    assert entries[1].additional_data == {"version": 2}
    everything = json.dumps(list(entries.values("changes", "additional_data", "event_description")))
    assert not [text for text in (TOKEN, "second-token", "4711", '"42"') if text in everything]


def test_no_secret_lies_open_in_the_database(stored, kind):
    credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": "p4ss-of-the-safe"})
    for model in (CredentialValue, CredentialTypeValue, AuditEntry):
        rows = json.dumps(list(model.objects.values()), default=str)
        assert TOKEN not in rows
        assert "p4ss-of-the-safe" not in rows


def test_a_list_of_kinds_in_any_case(stored, acme, globex):
    make_credential(make_type(globex, make_prototype("Csas")), globex, "Other")
    assert list(credential.query(SHELL, prototype="fiobank")) == [stored]
    assert [one.name for one in credential.query(SHELL, prototype="ceskasporitelna")] == ["Other"]
    assert list(credential.query(SHELL, company_id=acme.pk, search="mai")) == [stored]


@pytest.mark.parametrize("number", [1, 40])
def test_a_change_costs_the_same_for_many_run_templates(stored, acme, app, number, queries):
    for index in range(number):
        made = run_template.create(SHELL, name=f"T{index}", app=app, company=acme)
        credential_assignment.assign(SHELL, made, stored)
    with queries(45):
        credential.update(SHELL, stored, values={"BANK_TOKEN": "second-token"})
