"""How Bitwarden derives keys and encrypts texts (its security white paper, and the clients' source)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any, NamedTuple

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import load_der_private_key

# A server that asks for less could make the password guessable, one that asks for more could stop us for hours.
_ROUNDS = range(5_000, 2_000_001)
_ARGON_ROUNDS, _ARGON_MIB, _ARGON_LANES = range(2, 11), range(15, 1025), range(1, 17)


class Undecipherable(Exception):
    """A text or key that has another form than expected, or was changed."""


class Keys(NamedTuple):
    """A key for encryption and one for authentication."""

    encryption: bytes
    authentication: bytes


def master_key(password: str, email: str, kdf: dict[str, Any]) -> bytes:
    """The key that the password and the server's parameters give. Raises Undecipherable for unsafe parameters."""
    salt = email.strip().lower().encode()
    rounds = _number(kdf, "kdfIterations")
    if _number(kdf, "kdf") == 0 and rounds in _ROUNDS:
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds, 32)
    memory, lanes = _number(kdf, "kdfMemory"), _number(kdf, "kdfParallelism")
    if _number(kdf, "kdf") == 1 and rounds in _ARGON_ROUNDS and memory in _ARGON_MIB and lanes in _ARGON_LANES:
        return hash_secret_raw(
            password.encode(), hashlib.sha256(salt).digest(), rounds, memory * 1024, lanes, 32, Type.ID
        )
    raise Undecipherable


def password_hash(key: bytes, password: str) -> str:
    """What proves the password to the server."""
    return base64.b64encode(hashlib.pbkdf2_hmac("sha256", key, password.encode(), 1, 32)).decode()


def stretched(key: bytes) -> Keys:
    """The pair of keys that opens the account's own key."""
    return Keys(*(HKDFExpand(hashes.SHA256(), 32, info).derive(key) for info in (b"enc", b"mac")))


def pair(opened: bytes) -> Keys:
    """A pair of keys that was kept as one text. Raises Undecipherable."""
    if len(opened) != 64:
        raise Undecipherable
    return Keys(opened[:32], opened[32:])


def opened(text: str, keys: Keys) -> bytes:
    """The plain form of a text of type 2, AES-CBC with HMAC-SHA-256. Raises Undecipherable."""
    kind, _dot, rest = text.partition(".")
    try:
        iv, sealed, mac = (base64.b64decode(part, validate=True) for part in rest.split("|"))
        if kind != "2" or not hmac.compare_digest(hmac.digest(keys.authentication, iv + sealed, "sha256"), mac):
            raise Undecipherable
        decryptor = Cipher(algorithms.AES(keys.encryption), modes.CBC(iv)).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        return unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
    except (ValueError, binascii.Error):
        raise Undecipherable from None


def opened_for(text: str, private_key: bytes) -> bytes:
    """The plain form of a text of type 4, RSA-OAEP with SHA-1. Raises Undecipherable."""
    kind, _dot, rest = text.partition(".")
    try:
        key = load_der_private_key(private_key, None)
        if kind != "4" or not isinstance(key, RSAPrivateKey):
            raise Undecipherable
        scheme = OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - the form the server keeps
        return key.decrypt(base64.b64decode(rest.partition("|")[0]), scheme)
    except (ValueError, TypeError, binascii.Error):
        raise Undecipherable from None


def _number(kdf: dict[str, Any], name: str) -> int:
    value = kdf.get(name)
    return value if isinstance(value, int) else -1
