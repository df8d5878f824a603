"""New versions of data keys: every value moves, nobody's write is lost, what broke off goes on."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from math import inf

import pytest
from django.db import OperationalError
from django.utils import timezone

from multiflexi.models import AuditEntry, CompanyEnv, CredentialValue, EncryptionKey
from multiflexi.record.actor import SYSTEM
from multiflexi.services import company, encryption
from multiflexi.services.errors import Invalid
from multiflexi.vault import envelope, keyring, rotation, sweep
from multiflexi.vault.errors import MasterKeyMissing, MasterKeyWrong
from multiflexi.vault.places import PLACES, Form, Stored, walk
from tests.integration.vault.builders import BUILDERS, SECRET, credential_value, fill
from tests.integration.vault.conftest import make_template

NEW_MASTER = "another secret of forty characters at all"


def rotate(*names, companies=(), wait=None, **options):
    return encryption.rotate(SYSTEM, names, companies, wait=wait, **options)


def age(**filters):
    """Let the time pass in which other processes may still write with replaced keys."""
    EncryptionKey.objects.filter(is_active=False, **filters).update(rotated_at=timezone.now() - timedelta(hours=1))


def keys_in_use():
    return {key for (key, _table) in sweep.usage().values}


def plain_texts():
    found = {}
    for place in PLACES:
        for batch in walk(place, 100):
            for stored in batch:
                for field, text in stored.envelopes():
                    found[place.table, stored.record, field] = envelope.open_sealed(
                        text, table=place.table, field=field, record=stored.record
                    )
    return found


def test_every_value_moves_to_the_new_version(template):
    fill(template)
    before, old = plain_texts(), keyring.current("credentials").id
    assert keys_in_use() == {old}
    done = rotate("credentials")
    new = keyring.current("credentials").id
    assert new != old and keys_in_use() == {new}
    assert plain_texts() == before
    (key,) = done.keys
    assert (key.old_version, key.new_version, key.values, key.reencrypted, key.failed) == (
        1,
        2,
        len(PLACES),
        len(PLACES),
        0,
    )
    assert not done.resumed


def test_plain_members_beside_sealed_ones_stay(template):
    job = BUILDERS["job", "env"](template, SECRET)
    rotate()
    job.refresh_from_db()
    assert (job.env["CITY"], job.env["GONE"]) == ("Brno", None)


def test_the_key_column_follows(template):
    row = credential_value(template, SECRET)
    rotate()
    row.refresh_from_db()
    assert row.key_id == keyring.current("credentials").id == envelope.key_id_of(row.value)


def test_an_old_version_goes_when_nobody_can_write_with_it_any_more(template):
    fill(template)
    old = keyring.current("credentials").id
    first = rotate("credentials")
    assert first.retire_after and EncryptionKey.objects.filter(pk=old, is_active=False).exists()
    age()
    second = rotate("credentials")
    assert second.resumed and second.keys[0].retired == [1]
    assert not EncryptionKey.objects.filter(pk=old).exists()
    keyring.forget()
    assert len(plain_texts()) == len(PLACES)
    third = rotate("credentials")
    assert not third.resumed and third.keys[0].new_version == 3


def test_a_waiting_call_ends_with_the_old_version_gone(template):
    fill(template)
    waited = []

    def wait(seconds):
        waited.append(seconds)
        age()

    done = rotate("credentials", wait=wait)
    assert 0 < waited[0] <= 60
    assert done.keys[0].retired == [1] and done.retire_after is None


def test_a_waiting_call_goes_over_what_was_overtaken_and_still_retires(template, monkeypatch):
    """On a busy installation some row is always written just then."""
    fill(template)
    original, calls = Stored.replace, []

    def overtaken(stored, *arguments):
        calls.append(stored)
        return False if len(calls) == 1 else original(stored, *arguments)

    def wait(seconds):
        if seconds:
            age()

    monkeypatch.setattr(Stored, "replace", overtaken)
    done = rotate("credentials", wait=wait)
    assert done.keys[0].retired == [1] and done.retire_after is None
    assert keys_in_use() == {keyring.current("credentials").id}


@contextmanager
def process_of_before(cache):
    """What a process does that looked at the key ring before the rotation."""
    ours, keyring._cache = keyring._cache, cache
    cache.until = inf
    try:
        yield
    finally:
        keyring._cache = ours


def test_what_another_process_sealed_late_moves_before_the_version_goes(template):
    row = credential_value(template, SECRET)
    known, old = keyring._cache, row.key_id

    def write_late(_seconds):
        with process_of_before(known):
            row.value = envelope.seal("late-hunter2", key="credentials", table="credata", field="value", record=row.pk)
        assert envelope.key_id_of(row.value) == old
        row.save()
        age()

    done = rotate("credentials", wait=write_late)
    assert done.keys[0].retired == [1] and keys_in_use() == {keyring.current("credentials").id}
    assert list(plain_texts().values()) == ["late-hunter2"]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.table}.{place.column}")
def test_a_concurrent_write_wins(template, monkeypatch, place):
    row = BUILDERS[place.table, place.column](template, SECRET)
    rows = type(row).objects.filter(pk=row.pk)
    written = []

    def overtaken(stored, *arguments):
        (content,) = rows.values_list(place.column, flat=True)
        if isinstance(content, dict):
            written.append(content | {"CITY": "Praha"})
        else:
            written.append(bytes(content) + b" " if place.form is Form.BYTES else content + " ")
        rows.update(**{place.column: written[0]})
        return original(stored, *arguments)

    original = Stored.replace
    monkeypatch.setattr(Stored, "replace", overtaken)
    done = rotate("credentials")
    assert (done.found.overtaken, done.keys[0].reencrypted) == (1, 0)
    (content,) = rows.values_list(place.column, flat=True)
    assert (bytes(content) if place.form is Form.BYTES else content) == written[0]
    monkeypatch.undo()
    done = rotate("credentials")
    assert done.resumed and done.keys[0].reencrypted == 1
    assert keys_in_use() == {keyring.current("credentials").id}


def test_a_deadlock_is_answered_by_one_row_at_a_time(template, monkeypatch):
    fill(template)
    original, calls = Stored.replace, []

    def deadlocked(stored, *arguments):
        calls.append(stored.place.table)
        if calls.count("credata") == 1 and stored.place.table == "credata":
            raise OperationalError("deadlock detected")
        return original(stored, *arguments)

    monkeypatch.setattr(Stored, "replace", deadlocked)
    done = rotate("credentials")
    assert (done.keys[0].reencrypted, done.found.overtaken) == (len(PLACES), 0)
    assert len(calls) == len(PLACES) + 1 and keys_in_use() == {keyring.current("credentials").id}


def test_a_broken_off_rotation_goes_on(template):
    for number in range(10):
        credential_value(template, f"hunter2-{number}", name=f"TOKEN_{number}")

    class PowerCut(Exception):
        pass

    def cut(done):
        if done >= 4:
            raise PowerCut

    before = plain_texts()
    with pytest.raises(PowerCut):
        rotate("credentials", batch_size=2, progress=cut)
    assert len(keys_in_use()) == 2
    assert plain_texts() == before
    done = rotate("credentials", batch_size=2)
    assert done.resumed and (done.keys[0].new_version, done.keys[0].reencrypted) == (2, 6)
    assert plain_texts() == before and len(keys_in_use()) == 1


def test_an_unreadable_value_keeps_its_key_and_is_named(template):
    good = credential_value(template, SECRET)
    bad = credential_value(template, SECRET, name="OTHER")
    CredentialValue.objects.filter(pk=bad.pk).update(value=good.value)
    done = rotate("credentials")
    assert done.found.unreadable == [("credata", bad.pk, "value")]
    assert (done.keys[0].failed, done.keys[0].reencrypted) == (1, 1)
    age()
    again = rotate("credentials")
    assert not again.resumed and not again.keys[0].retired
    assert CredentialValue.objects.get(pk=bad.pk).value == good.value
    assert EncryptionKey.objects.filter(key_name="credentials").count() == 3


def test_the_audit_key_keeps_its_versions(ring):
    old = keyring.current("audit").id
    rotate("audit")
    age()
    rotate("audit")
    assert EncryptionKey.objects.filter(pk=old).exists()
    entry = AuditEntry.objects.filter(event_type="encryption_key_rotated").first()
    assert entry.mac_key_id == old


def test_a_company_can_get_keys_of_its_own(template, acme, globex):
    fill(template)
    fill(make_template(globex))
    shared = keyring.current("credentials").id
    done = rotate(companies=[acme])
    own = keyring.current("credentials", acme.pk).id
    assert {(key.key_name, key.old_version, key.new_version) for key in done.keys} == {
        ("default", 0, 1),
        ("credentials", 0, 1),
        ("personal_data", 0, 1),
    }
    usage = sweep.usage()
    owned = len([place for place in PLACES if place.company])
    # What belongs to no company stays with the keys of the installation.
    left = owned + 2 * (len(PLACES) - owned)
    assert (usage.of_key(own), usage.of_key(shared)) == (owned, left)
    rotate(companies=[acme])
    assert sweep.usage().of_key(shared) == left
    CredentialValue.objects.update(key=None)
    EncryptionKey.objects.filter(company=acme).delete()
    keyring.forget()
    assert len(sweep.verify().unreadable) == owned


def test_a_company_with_keys_of_its_own_can_be_removed(template, acme):
    fill(template)
    rotate(companies=[acme])
    company.remove(SYSTEM, acme, cascade=True)
    assert not EncryptionKey.objects.exclude(company=None).exists()
    assert sweep.usage().checked == len([place for place in PLACES if not place.company])


@pytest.mark.parametrize("name", ["audi", "Credentials", ""])
def test_an_unknown_key_is_refused(ring, name):
    with pytest.raises(Invalid, match="is no data key; there are default, credentials, personal_data, audit"):
        rotate(name)


def test_a_company_has_no_audit_key(ring, acme):
    with pytest.raises(Invalid, match="a company has default"):
        rotate("audit", companies=[acme])


def test_each_call_that_makes_versions_is_audited(template):
    rotate("credentials", "default")
    entry = AuditEntry.objects.get(event_type="encryption_key_rotated")
    assert entry.additional_data == {"keys": ["credentials", "default"], "number": 2}


def test_the_master_key_changes_without_touching_values(template, settings):
    fill(template)
    before = plain_texts()
    stored = list(CredentialValue.objects.order_by("pk").values_list("value", flat=True))
    settings.ENCRYPTION_MASTER_KEY, settings.ENCRYPTION_MASTER_KEY_PREVIOUS = NEW_MASTER, settings.ENCRYPTION_MASTER_KEY
    keyring.forget()
    assert plain_texts() == before
    assert encryption.rewrap(SYSTEM) == 4
    assert encryption.rewrap(SYSTEM) == 0
    settings.ENCRYPTION_MASTER_KEY_PREVIOUS = None
    keyring.forget()
    assert plain_texts() == before
    assert list(CredentialValue.objects.order_by("pk").values_list("value", flat=True)) == stored
    assert AuditEntry.objects.filter(event_type="encryption_master_key_changed").count() == 1


def test_a_master_key_that_fits_nothing_changes_nothing(template, settings):
    wrapped = set(EncryptionKey.objects.values_list("key_data", flat=True))
    settings.ENCRYPTION_MASTER_KEY = NEW_MASTER
    for previous in (None, "a third secret of forty characters, unknown"):
        settings.ENCRYPTION_MASTER_KEY_PREVIOUS = previous
        keyring.forget()
        with pytest.raises(MasterKeyWrong, match="ENCRYPTION_MASTER_KEY_PREVIOUS"):
            encryption.rewrap(SYSTEM)
    assert set(EncryptionKey.objects.values_list("key_data", flat=True)) == wrapped


def test_one_key_that_fits_neither_keeps_all_of_them_as_they_are(ring, settings):
    old = settings.ENCRYPTION_MASTER_KEY
    settings.ENCRYPTION_MASTER_KEY = "a third secret of forty characters, unknown"
    keyring.forget()
    EncryptionKey.objects.filter(key_name="audit").delete()
    rotation.wrapping.new_row("audit", None, 1, rotation.master.current()).save()
    settings.ENCRYPTION_MASTER_KEY, settings.ENCRYPTION_MASTER_KEY_PREVIOUS = NEW_MASTER, old
    keyring.forget()
    before = set(EncryptionKey.objects.values_list("key_data", flat=True))
    with pytest.raises(MasterKeyWrong):
        encryption.rewrap(SYSTEM)
    assert set(EncryptionKey.objects.values_list("key_data", flat=True)) == before


def test_a_short_new_master_key_is_refused(ring, settings):
    settings.ENCRYPTION_MASTER_KEY_PREVIOUS, settings.ENCRYPTION_MASTER_KEY = settings.ENCRYPTION_MASTER_KEY, "short"
    with pytest.raises(MasterKeyMissing, match="at least 32"):
        encryption.rewrap(SYSTEM)


def test_without_the_master_key_nothing_is_rotated(template, settings):
    fill(template)
    before = list(CompanyEnv.objects.order_by("pk").values_list("value", flat=True))
    settings.ENCRYPTION_MASTER_KEY = None
    with pytest.raises(MasterKeyMissing):
        rotate()
    assert EncryptionKey.objects.count() == 4
    assert list(CompanyEnv.objects.order_by("pk").values_list("value", flat=True)) == before


def test_a_process_opens_what_it_read_before_the_key_went(template):
    """It never used the old key, but knew of it."""
    row = credential_value(template, SECRET)
    keyring.forget()
    keyring.current("default")
    known = keyring._cache
    rotate("credentials")
    age()
    rotate("credentials")
    with process_of_before(known):
        assert envelope.open_sealed(row.value, table="credata", field="value", record=row.pk) == SECRET
