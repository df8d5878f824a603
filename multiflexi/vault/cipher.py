"""The only place that encrypts: AES-256-GCM with a random 96-bit nonce, and key derivation by HKDF-SHA-256."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class WrongKeyOrData(Exception):
    """The authentication tag does not fit: another key, another context, or changed bytes."""


def new_key() -> bytes:
    """32 random bytes from the operating system."""
    return os.urandom(KEY_BYTES)


def derive(secret: bytes, purpose: str, length: int = KEY_BYTES) -> bytes:
    """Derive `length` bytes from a master secret; different purposes give unrelated bytes (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(secret)


def encrypt(key: bytes, plain: bytes, context: bytes) -> tuple[bytes, bytes]:
    """Return nonce and ciphertext with tag; `context` is authenticated but not stored."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce, AESGCM(key).encrypt(nonce, plain, context)


def decrypt(key: bytes, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
    """Return the plain bytes; raises WrongKeyOrData when key, context or bytes differ from those of encrypt."""
    try:
        return AESGCM(key).decrypt(nonce, sealed, context)
    except (InvalidTag, ValueError):
        raise WrongKeyOrData from None
