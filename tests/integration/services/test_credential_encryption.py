"""Sealing what lies open."""

from __future__ import annotations

import pytest

from multiflexi.models import AuditEntry, CredentialTypeValue, CredentialValue, EncryptionKey
from multiflexi.services import credential_encryption, credential_type
from multiflexi.vault import envelope, keyring
from multiflexi.vault.errors import VaultError

from .bank import SHELL, TOKEN, make_credential, make_type

pytestmark = pytest.mark.usefixtures("ring")
encrypt = credential_encryption.encrypt_existing


@pytest.fixture
def lying_open(ring, acme):
    """Three secrets that nobody sealed, one that is sealed, and an open value that may stay so."""
    kind = make_type(acme)
    credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": "p4ss-of-the-safe"})
    first = make_credential(kind, acme, "First", ACCOUNT="42")
    make_credential(kind, acme, "Second")
    make_credential(kind, acme, "Sealed")
    CredentialValue.objects.filter(credential__name__in=["First", "Second"], name="BANK_TOKEN").update(
        value=TOKEN, is_encrypted=False, key=None
    )
    CredentialTypeValue.objects.update(value="p4ss-of-the-safe", is_encrypted=False)
    return first


def test_every_open_secret_is_sealed_once(lying_open):
    told: list[int] = []
    count = encrypt(SHELL, batch_size=2, told=lambda count: told.append(count.encrypted))
    assert (count.scanned, count.to_encrypt, count.encrypted, count.failed) == (5, 3, 3, 0)
    assert told[-1] == 3
    row = CredentialValue.objects.get(credential=lying_open, name="BANK_TOKEN")
    assert envelope.open_sealed(row.value, table="credata", field="value", record=row.pk) == TOKEN
    assert row.key == EncryptionKey.objects.get(key_name="credentials")
    assert CredentialTypeValue.objects.get().is_encrypted
    assert CredentialValue.objects.get(name="ACCOUNT").value == "42"
    again = encrypt(SHELL)
    assert (again.to_encrypt, again.encrypted) == (0, 0)
    ids = [one.additional_data["ids"] for one in AuditEntry.objects.filter(action="encrypt").order_by("pk")]
    assert sum(map(len, ids)) == 3


@pytest.mark.usefixtures("lying_open")
def test_a_dry_run_only_counts():
    count = encrypt(SHELL, dry_run=True)
    assert (count.to_encrypt, count.encrypted) == (3, 0)
    assert CredentialValue.objects.filter(value=TOKEN).count() == 2


@pytest.mark.usefixtures("lying_open")
def test_without_key_nothing_is_touched(settings):
    settings.ENCRYPTION_MASTER_KEY = "another master key of 32 characters"
    keyring.forget()
    with pytest.raises(VaultError):
        encrypt(SHELL)
    assert CredentialValue.objects.filter(value=TOKEN).count() == 2


def test_an_envelope_that_is_not_marked_is_not_sealed_twice(lying_open):
    encrypt(SHELL)
    sealed = CredentialValue.objects.get(credential__name="Second", name="BANK_TOKEN").value
    CredentialValue.objects.filter(credential__name="Second").update(is_encrypted=False)
    CredentialValue.objects.filter(credential=lying_open, name="BANK_TOKEN").update(value=sealed, is_encrypted=False)
    count = encrypt(SHELL)
    # The second one is where it belongs; the first one got the envelope of another row.
    assert (count.encrypted, count.failed) == (1, 1)
    row = CredentialValue.objects.get(credential__name="Second", name="BANK_TOKEN")
    assert envelope.open_sealed(row.value, table="credata", field="value", record=row.pk) == TOKEN


def test_what_is_left_of_an_envelope_is_no_value_to_seal(lying_open):
    encrypt(SHELL)
    rest = CredentialValue.objects.get(credential__name="Second", name="BANK_TOKEN").value[:-9]
    CredentialValue.objects.filter(credential__name="Second", name="BANK_TOKEN").update(value=rest, is_encrypted=False)
    count = encrypt(SHELL)
    assert (count.encrypted, count.failed) == (0, 1)
    assert CredentialValue.objects.get(credential__name="Second", name="BANK_TOKEN").value == rest
