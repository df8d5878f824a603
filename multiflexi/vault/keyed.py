"""Keyed codes made with the data key `audit`: they prove that a text is unchanged without telling it."""

import hmac

from multiflexi.vault import keyring
from multiflexi.vault.errors import KeyMissing
from multiflexi.vault.wrapping import DataKey


def current_key() -> DataKey:
    """The key to make codes with; raises a VaultError when it is not usable."""
    return keyring.current(keyring.AUDIT)


def code(key: DataKey, purpose: str, text: str) -> str:
    """HMAC-SHA-256 in hexadecimal; codes of different purposes never equal each other."""
    return hmac.digest(key.secret, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hex()


def verify(key_id: int, purpose: str, text: str, claimed: str) -> bool:
    """Whether the code was made for this purpose and text; False for a key that is unknown or no audit key.

    Raises a VaultError when the key exists but cannot be used, since that proves nothing.
    """
    try:
        key = keyring.by_id(key_id)
    except KeyMissing:
        return False
    return key.name == keyring.AUDIT and hmac.compare_digest(code(key, purpose, text).encode(), claimed.encode())


def codes(purpose: str, text: str) -> list[str]:
    """The codes of a text under every version of the key, newest first, to look up one that was stored some day."""
    return [code(key, purpose, text) for key in keyring.versions_of(keyring.AUDIT)]
