"""Authenticated encryption and key derivation."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from multiflexi.vault import cipher

KEY = bytes(range(32))


def test_what_is_encrypted_can_be_decrypted_by_the_standard_algorithm():
    nonce, sealed = cipher.encrypt(KEY, b"plain", b"context")
    assert len(nonce) == 12
    assert AESGCM(KEY).decrypt(nonce, sealed, b"context") == b"plain"
    assert cipher.decrypt(KEY, nonce, sealed, b"context") == b"plain"


def test_every_encryption_has_a_nonce_of_its_own():
    assert len({cipher.encrypt(KEY, b"plain", b"")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("key", "context", "flip"),
    [(bytes(32), b"context", None), (KEY, b"other", None), (KEY, b"context", 0), (KEY, b"context", -1)],
)
def test_another_key_context_or_byte_is_noticed(key, context, flip):
    nonce, sealed = cipher.encrypt(KEY, b"plain", b"context")
    changed = bytearray(sealed)
    if flip is not None:
        changed[flip] ^= 1
    with pytest.raises(cipher.WrongKeyOrData):
        cipher.decrypt(key, nonce, bytes(changed), context)


def test_a_truncated_value_is_noticed():
    nonce, sealed = cipher.encrypt(KEY, b"plain", b"")
    for damaged in (b"", sealed[:10]):
        with pytest.raises(cipher.WrongKeyOrData):
            cipher.decrypt(KEY, nonce, damaged, b"")
    with pytest.raises(cipher.WrongKeyOrData):
        cipher.decrypt(KEY, b"", sealed, b"")


def test_purposes_give_unrelated_keys_of_the_length_asked_for():
    assert cipher.derive(b"secret", "one") != cipher.derive(b"secret", "two")
    assert cipher.derive(b"secret", "one") == cipher.derive(b"secret", "one")
    assert len(cipher.derive(b"secret", "one", 8)) == 8
