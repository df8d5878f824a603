"""The key ring: creation, versions, companies, wrong master keys."""

import base64
import os
import select
import subprocess
import sys

import pytest
from django.db import transaction

from multiflexi.models import EncryptionKey
from multiflexi.vault import keyring, lock, wrapping
from multiflexi.vault.errors import DecryptionFailed, KeyMissing, MasterKeyMissing, MasterKeyWrong
from multiflexi.vault.master import current as master_key

NAMES = ["default", "credentials", "personal_data", "audit"]
MAKE_KEYS = """
import django
django.setup()
from multiflexi.vault import keyring
print("ready", flush=True)
input()
print(len(keyring.ensure_keys()))
"""


def rotated(name: str) -> EncryptionKey:
    """A newer version of a key, as another process would add it."""
    old = EncryptionKey.objects.get(key_name=name, company=None, is_active=True)
    EncryptionKey.objects.filter(pk=old.pk).update(is_active=False)
    row = wrapping.new_row(name, None, old.version + 1, master_key())
    row.save()
    return row


def test_four_keys_are_made_once(db):
    assert keyring.ensure_keys() == NAMES
    assert keyring.ensure_keys() == []
    rows = EncryptionKey.objects.all()
    assert sorted(row.key_name for row in rows) == sorted(NAMES)
    assert {(row.version, row.company_id, row.is_active, row.algorithm) for row in rows} == {
        (1, None, True, "AES-256-GCM")
    }
    assert {row.master_key_id for row in rows} == {master_key().id}
    secrets = {keyring.current(name).secret for name in NAMES}
    assert len(secrets) == 4 and {len(secret) for secret in secrets} == {32}


def test_wrapped_keys_do_not_contain_the_key(ring):
    for name in NAMES:
        key = keyring.current(name)
        data = base64.b64decode(EncryptionKey.objects.get(pk=key.id).key_data)
        assert len(data) == 12 + 32 + 16
        assert key.secret not in data
        assert key.secret.hex() not in repr(key) and repr(key.secret) not in repr(key)


def test_a_missing_key_is_added_without_touching_the_others(ring):
    audit = keyring.current("audit")
    EncryptionKey.objects.filter(key_name="credentials").delete()
    assert keyring.ensure_keys() == ["credentials"]
    assert keyring.current("audit") == audit


def start_maker(environment) -> subprocess.Popen:
    """A process that makes keys as soon as it gets a line."""
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKE_KEYS], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert maker.stdout.readline() == "ready\n"
    return maker


@pytest.fixture
def no_keys(shared_db):
    """An installation whose keys other processes are to make."""
    EncryptionKey.objects.all().delete()
    keyring.forget()


def test_processes_starting_at_once_make_four_keys(no_keys, process_environment):
    makers = [start_maker(process_environment) for _ in range(4)]
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    made = [maker.communicate(timeout=60)[0] for maker in makers]
    assert sorted(map(int, made)) == [0, 0, 0, 4]
    assert EncryptionKey.objects.count() == 4


def test_a_process_waits_for_another_one_that_is_making_keys(no_keys, process_environment):
    maker = start_maker(process_environment)
    with lock.alone():
        maker.stdin.write("\n")
        maker.stdin.flush()
        too_early, _, _ = select.select([maker.stdout], [], [], 1)
        assert not too_early
        EncryptionKey.objects.bulk_create([wrapping.new_row(name, None, 1, master_key()) for name in NAMES])
    assert maker.communicate(timeout=60)[0] == "0\n"
    assert EncryptionKey.objects.count() == 4


def test_keys_are_not_made_inside_a_transaction_that_may_be_rolled_back(no_keys):
    with pytest.raises(RuntimeError), transaction.atomic():
        keyring.ensure_keys()
    assert not EncryptionKey.objects.exists()


def test_another_process_s_new_version_is_written_with_after_a_while_and_read_at_once(ring):
    old = keyring.current("default")
    new = rotated("default")
    assert keyring.by_id(new.pk).id == new.pk
    assert keyring.current("default") == old
    keyring.forget()
    assert keyring.current("default").id == new.pk
    assert keyring.by_id(old.id) == old


def test_the_newest_version_is_looked_up_again_after_the_maximum_age(ring, monkeypatch):
    monkeypatch.setattr(keyring, "MAX_AGE", 0.0)
    keyring.current("default")
    new = rotated("default")
    assert keyring.current("default").id == new.pk


def test_known_keys_cost_no_query(ring, django_assert_num_queries):
    key = keyring.current("default")
    with django_assert_num_queries(0):
        assert keyring.current("default") is key
        assert keyring.by_id(key.id) is key


def test_a_company_has_keys_of_its_own_and_else_uses_the_installation_s(ring, acme, globex):
    assert keyring.current("credentials", acme.pk) == keyring.current("credentials")
    assert keyring.ensure_keys(acme.pk) == ["default", "credentials", "personal_data"]
    assert keyring.ensure_keys(acme.pk) == []
    own = keyring.current("credentials", acme.pk)
    assert own != keyring.current("credentials")
    assert keyring.current("credentials", globex.pk) == keyring.current("credentials")
    assert keyring.current("audit", acme.pk) == keyring.current("audit")
    acme.delete()
    keyring.forget()
    with pytest.raises(KeyMissing, match=rf"data key {own.id} does not exist"):
        keyring.by_id(own.id)


def test_without_a_master_key_nothing_is_usable_not_even_what_was_cached(ring, settings):
    key = keyring.current("default")
    settings.ENCRYPTION_MASTER_KEY = None
    for use in (lambda: keyring.current("default"), lambda: keyring.by_id(key.id), keyring.ensure_keys):
        with pytest.raises(MasterKeyMissing, match="ENCRYPTION_MASTER_KEY"):
            use()


def test_another_master_key_is_named_by_its_fingerprint(ring, settings):
    key, right = keyring.current("default"), master_key()
    settings.ENCRYPTION_MASTER_KEY = "another secret of forty characters at all"
    wrong = master_key()
    for use in (lambda: keyring.current("default"), lambda: keyring.by_id(key.id), keyring.ensure_keys):
        with pytest.raises(MasterKeyWrong, match=f"{right.id}.*{wrong.id}.*ENCRYPTION_MASTER_KEY"):
            use()
    EncryptionKey.objects.filter(key_name="audit").delete()
    with pytest.raises(MasterKeyWrong):
        keyring.ensure_keys()
    assert EncryptionKey.objects.count() == 3


def test_a_short_master_key_makes_no_keys(db, settings):
    settings.ENCRYPTION_MASTER_KEY = "too short"
    with pytest.raises(MasterKeyMissing, match="9 characters; at least 32"):
        keyring.ensure_keys()
    assert not EncryptionKey.objects.exists()


def test_a_missing_key_names_the_command_that_makes_it(db):
    with pytest.raises(KeyMissing, match=r"data key audit does not exist.*multiflexi-cli setup"):
        keyring.current("audit")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 7},
        {"key_name": "credentials", "version": 9},
        {"key_data": base64.b64encode(os.urandom(60)).decode()},
        {"key_data": "PLACEHOLDER_KEY_TO_BE_REPLACED"},
        {"key_data": ""},
    ],
)
def test_a_row_changed_in_the_database_is_refused(ring, change):
    key = keyring.current("default")
    EncryptionKey.objects.filter(pk=key.id).update(**change)
    keyring.forget()
    with pytest.raises(DecryptionFailed, match="damaged or was changed"):
        keyring.by_id(key.id)


def test_a_key_moved_to_a_company_is_refused(ring, acme):
    key = keyring.current("default")
    EncryptionKey.objects.filter(pk=key.id).update(company=acme)
    keyring.forget()
    with pytest.raises(DecryptionFailed):
        keyring.by_id(key.id)


def test_status_of_a_ready_ring(ring):
    status = keyring.status()
    assert (status.master_key, status.problem, status.active_keys) == ("configured", None, 4)
    assert status.master_key_id == master_key().id
    assert sorted(key.key_name for key in status.keys) == sorted(NAMES)
    assert all(key.usable for key in status.keys)


def test_status_says_what_is_wrong(ring, settings):
    EncryptionKey.objects.filter(key_name="audit").delete()
    assert "audit" in keyring.status().problem
    settings.ENCRYPTION_MASTER_KEY = "another secret of forty characters at all"
    wrong = keyring.status()
    assert wrong.master_key == "configured" and "wrapped by the master key" in wrong.problem
    assert not any(key.usable for key in wrong.keys)
    settings.ENCRYPTION_MASTER_KEY = None
    missing = keyring.status()
    assert (missing.master_key, missing.master_key_id) == ("missing", None)
    assert len(missing.keys) == 3 and not any(key.usable for key in missing.keys)
