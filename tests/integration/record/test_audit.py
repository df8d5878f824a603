"""The audit trail: content, proof, failure."""

import contextlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiflexi.models import AuditEntry, AuditSeverity, AuditUnsealed, Company, EncryptionKey, Topic
from multiflexi.record import audit
from multiflexi.record.actor import SYSTEM, Actor
from multiflexi.vault import keyring
from multiflexi.vault.errors import KeyMissing, MasterKeyMissing

PERSON = Actor(7, "web", token_id=4, real_user_id=1, request_id="req-1", ip="192.0.2.1", agent="Browser/1")
# Surrogates and NUL are in: a hostile name must not make a change impossible to record.
any_text = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def keys(ring):
    """Every test here signs."""


def stored(entry: AuditEntry) -> AuditEntry:
    return AuditEntry.objects.get(pk=entry.pk)


def test_an_entry_says_who_what_where(acme):
    written = audit.write(
        PERSON,
        "update",
        acme,
        changes=audit.changes_between({"name": "ACME", "ic": "1"}, {"name": "ACME s.r.o.", "ic": "1"}),
        data={"fields": 1},
        severity="medium",
    )
    entry = stored(written)
    assert (entry.user_id, entry.token_id, entry.real_user_id, entry.origin) == (7, 4, 1, "web")
    assert (entry.request_id, entry.ip_address, entry.user_agent) == ("req-1", "192.0.2.1", "Browser/1")
    assert (entry.entity_type, entry.entity_id, entry.company_id) == ("Company", acme.pk, acme.pk)
    assert (entry.action, entry.event_type, entry.severity, entry.outcome) == (
        "update", "entity_update", "medium", "done",
    )  # fmt: skip
    assert entry.event_description == f"Company update #{acme.pk}"
    assert entry.changes == {"name": {"old": "ACME", "new": "ACME s.r.o."}}
    assert entry.additional_data == {"fields": 1}
    assert entry.mac_key_id == keyring.current("audit").id


def test_an_entity_may_be_a_class_name_with_or_without_an_id(acme):
    one = audit.write(SYSTEM, "delete", ("RunTemplate", 42), company_id=acme.pk)
    assert (one.entity_type, one.entity_id, one.company_id) == ("RunTemplate", 42, acme.pk)
    assert one.event_description == "RunTemplate delete #42"
    several = audit.write(SYSTEM, "delete", "JobOutputLine", data={"rows": 12}, description="Twelve lines pruned")
    assert (several.entity_type, several.entity_id) == ("JobOutputLine", None)
    assert several.event_description == "Twelve lines pruned"


def test_the_company_is_the_entity_s_own():
    company = Company.objects.create(name="Initech")
    key = EncryptionKey.objects.create(key_name="x", company=company, key_data="", master_key_id="")
    assert audit.write(SYSTEM, "create", key).company_id == company.pk


def test_an_entity_without_id_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="before deleting"):
        audit.write(SYSTEM, "delete", Topic(topic="x"))


@pytest.mark.parametrize("wrong", [{"severity": "awful"}, {"outcome": "perhaps"}])
def test_unknown_words_are_refused(wrong):
    with pytest.raises(ValueError, match="is not a valid"):
        audit.write(SYSTEM, "run", "Job", **wrong)


def test_written_entries_wait_for_the_sealer():
    entry = audit.write(SYSTEM, "run", "Job")
    waiting = AuditUnsealed.objects.get(audit_id=entry.pk)
    assert waiting.created_at == entry.created_at


def test_many_entries_take_two_statements(django_assert_num_queries):
    entries = [audit.entry(SYSTEM, "run", ("Job", number)) for number in range(40)]
    keyring.current("audit")
    with django_assert_num_queries(2):
        written = audit.write_many(entries)
    assert AuditEntry.objects.count() == AuditUnsealed.objects.count() == 40
    assert all(audit.verify_entry(stored(one)) for one in written)
    assert audit.write_many([]) == []


def test_an_entry_verifies_after_the_round_trip(acme):
    entry = audit.write(PERSON, "update", acme, changes={"a": {"old": None, "new": 1}}, data={"x": [1, "ž", None]})
    assert audit.verify_entry(stored(entry))


@pytest.mark.parametrize(
    "value",
    [
        0.1, 1.5, -0.0, 0.0, 5.0, 1e22, 1.5e300, 1e-7, float("nan"), float("inf"), 2**53, 2**63, -(2**63), 2**200,
        True, None, "", "a\0b", "\ud800", "𝄞 ž", "a\r\nb ", Decimal("1.10"), date(2025, 3, 30),
        datetime(2025, 3, 30, 2, 30, tzinfo=timezone(timedelta(hours=2))), UUID(int=5), {3, 1, 2}, ("a", 1), b"x",
        {"b": 1, "a": {"d": 1, "c": 2}, "": 0}, AuditSeverity.HIGH, [], {},
    ],
)  # fmt: skip
def test_values_of_every_kind_verify(value):
    entry = audit.write(SYSTEM, "update", "Thing", changes={"field": {"old": value, "new": value}}, data={"v": value})
    assert audit.verify_entry(stored(entry))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(any_json, any_text)
def test_anything_verifies(value, text):
    actor = Actor(1, "api", request_id=text, ip=text, agent=text)
    entry = audit.write(actor, "update", "Thing", data={"v": value}, description=text, changes={text: {"new": value}})
    assert audit.verify_entry(stored(entry))


@pytest.mark.parametrize("microsecond", [0, 1, 123456, 999999])
def test_instants_verify_to_the_microsecond(microsecond, monkeypatch):
    moment = datetime(2025, 10, 26, 1, 0, 0, microsecond, tzinfo=UTC)
    monkeypatch.setattr("multiflexi.record.audit.timezone.now", lambda: moment)
    entry = audit.write(SYSTEM, "run", "Job")
    assert stored(entry).created_at == moment
    assert audit.verify_entry(stored(entry))


CHANGES = {
    "user_id": 8,
    "real_user_id": None,
    "token_id": 5,
    "company_id": 99,
    "event_type": "login_success",
    "event_description": "Nothing happened",
    "entity_type": "User",
    "entity_id": 987,
    "action": "delete",
    "changes": {"name": {"old": "a", "new": "c"}},
    "additional_data": None,
    "severity": "critical",
    "outcome": "denied",
    "origin": "cli",
    "request_id": "req-2",
    "created_at": datetime(2020, 1, 1, tzinfo=UTC),
    "mac": "0" * 64,
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_noticed(column, acme):
    entry = audit.write(PERSON, "update", acme, changes={"name": {"old": "a", "new": "b"}}, data={"x": 1})
    AuditEntry.objects.filter(pk=entry.pk).update(**{column: CHANGES[column]})
    assert not audit.verify_entry(stored(entry))


def test_every_column_is_covered_or_meant_not_to_be():
    columns = {column.attname for column in AuditEntry._meta.concrete_fields}
    assert columns == {*CHANGES, "mac_key_id", "id", "ip_address", "user_agent"}


def test_address_and_agent_may_be_blanked():
    entry = audit.write(PERSON, "login", ("User", 7), event_type="login_success")
    AuditEntry.objects.filter(pk=entry.pk).update(ip_address=None, user_agent=None)
    assert audit.verify_entry(stored(entry))


def test_only_audit_keys_prove_anything():
    entry = audit.write(SYSTEM, "run", "Job")
    AuditEntry.objects.filter(pk=entry.pk).update(mac_key=keyring.current("default").id)
    assert not audit.verify_entry(stored(entry))
    entry.mac_key_id = 987654
    assert not audit.verify_entry(entry)


def test_a_code_made_with_another_key_proves_nothing(monkeypatch):
    monkeypatch.setattr("multiflexi.vault.keyed.current_key", lambda: keyring.current("default"))
    entry = audit.write(SYSTEM, "run", "Job")
    assert entry.mac_key_id == keyring.current("default").id
    assert not audit.verify_entry(entry)


def test_without_its_key_an_entry_is_neither_proven_nor_disproven(settings):
    entry = audit.write(SYSTEM, "run", "Job")
    settings.ENCRYPTION_MASTER_KEY = None
    with pytest.raises(MasterKeyMissing):
        audit.verify_entry(entry)


def test_a_change_that_cannot_be_recorded_does_not_happen(settings):
    settings.ENCRYPTION_MASTER_KEY = None
    with pytest.raises(MasterKeyMissing, match=r"ENCRYPTION_MASTER_KEY.*multiflexi-cli setup"), transaction.atomic():
        topic = Topic.objects.create(topic="urgent")
        audit.write(SYSTEM, "create", topic)
    assert not Topic.objects.exists()
    assert not AuditEntry.objects.exists()


def test_without_the_audit_key_the_error_names_the_way_out():
    EncryptionKey.objects.filter(key_name="audit").delete()
    keyring.forget()
    with pytest.raises(KeyMissing, match=r"audit.*multiflexi-cli setup"):
        audit.write(SYSTEM, "run", "Job")


@pytest.mark.django_db(transaction=True)
def test_a_caller_that_swallows_the_failure_cannot_commit_its_change(settings):
    with transaction.atomic():
        Topic.objects.create(topic="urgent")
        entry = audit.entry(SYSTEM, "create", "Topic")
        entry.event_type = None
        with contextlib.suppress(IntegrityError):
            audit.write_many([entry])
    assert not Topic.objects.exists()


def test_a_rolled_back_change_leaves_no_entry():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        audit.write(SYSTEM, "run", "Job")
        raise ZeroDivisionError
    assert not AuditEntry.objects.exists()
    assert not AuditUnsealed.objects.exists()


def test_over_long_parts_of_a_request_are_cut_not_refused():
    entry = audit.write(Actor(1, "api", request_id="r" * 100, ip="1" * 100, agent="a" * 5000), "run", "Job")
    assert (len(entry.request_id), len(entry.ip_address), len(entry.user_agent)) == (64, 45, 5000)
    assert audit.verify_entry(stored(entry))


def test_changes_leave_out_what_is_equal():
    same = {"a": 1, "b": None, "when": datetime(2025, 1, 1, tzinfo=UTC)}
    assert audit.changes_between(same, dict(same)) == {}
    assert audit.changes_between({"a": 1}, {"a": True}) == {"a": {"old": 1, "new": True}}
    assert audit.changes_between({}, {"a": 1, "b": None}) == {"a": {"old": None, "new": 1}}
    assert audit.changes_between({"a": 1}, {}) == {"a": {"old": 1, "new": None}}


def test_secret_and_personal_values_are_hashed():
    changes = audit.changes_between(
        {"token": "old-secret", "email": "a@example.org", "name": "x", "same": "s"},
        {"token": "new-secret", "email": "b@example.org", "name": "y", "same": "s"},
        secret_fields=["token", "same"],
        personal_fields=["email"],
    )
    assert set(changes) == {"token", "email", "name"}
    text = json.dumps(changes)
    assert "secret" not in text and "example.org" not in text
    assert changes["token"]["hashed"] and changes["email"]["hashed"] and "hashed" not in changes["name"]
    key_id = keyring.current("audit").id
    assert changes["token"]["old"].startswith(f"hmac-sha256:{key_id}:")
    assert len({value for name in ("token", "email") for value in changes[name].values()}) == 5


def test_hashes_tell_that_a_value_came_back_but_not_across_fields():
    there = audit.changes_between({"t": "first"}, {"t": "other"}, ["t"])["t"]
    back = audit.changes_between({"t": "other"}, {"t": "first"}, ["t"])["t"]
    assert (there["old"], there["new"]) == (back["new"], back["old"])
    assert audit.changes_between({}, {"u": "first"}, ["u"])["u"]["new"] != there["old"]


def test_a_secret_set_for_the_first_time_or_removed_shows_as_such():
    assert audit.changes_between({"t": ""}, {"t": "x-secret"}, ["t"])["t"]["old"] == ""
    assert audit.changes_between({"t": "x-secret"}, {}, ["t"])["t"]["new"] is None
