"""The master secret of the installation and what is derived from it."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.vault import cipher
from multiflexi.vault.errors import MasterKeyMissing

MIN_LENGTH = 32


@dataclass(frozen=True)
class MasterKey:
    """Wrapping key and its fingerprint; the secret itself is not kept.

    `previous` is the one that is being replaced: it still opens, nothing new is wrapped with it.
    """

    id: str
    length: int
    wrapping: bytes = field(repr=False)
    previous: MasterKey | None = None

    def of(self, fingerprint: str) -> MasterKey | None:
        """This key or the previous one, whichever has the fingerprint."""
        return next((key for key in (self, self.previous) if key is not None and key.id == fingerprint), None)


def current() -> MasterKey:
    """The configured master key; raises MasterKeyMissing when there is none."""
    secret = _configured()
    if not secret:
        raise MasterKeyMissing(
            _(
                "No master key is configured, so nothing secret can be saved, read or proven. Set "
                "ENCRYPTION_MASTER_KEY (or MULTIFLEXI_MASTER_KEY_FILE) to the key of this installation; "
                "a new installation gets one from `multiflexi-cli setup`."
            )
        )
    return _derived(secret, (settings.ENCRYPTION_MASTER_KEY_PREVIOUS or "").strip())


def current_for_new_keys() -> MasterKey:
    """The configured master key when it is long enough to protect new data keys; raises MasterKeyMissing."""
    key = current()
    if key.length < MIN_LENGTH:
        raise MasterKeyMissing(
            _(
                "The master key has {length} characters; at least {minimum} are needed to create keys. Set "
                "ENCRYPTION_MASTER_KEY to a longer random value; `multiflexi-cli setup` creates one."
            ).format(length=key.length, minimum=MIN_LENGTH)
        )
    return key


def is_configured() -> bool:
    """Whether a master secret is set; raises MasterKeyMissing when its file cannot be read."""
    return bool(_configured())


def generate_master_key() -> str:
    """A new master secret for set-up: base64 of 32 random bytes, 44 characters."""
    return base64.b64encode(os.urandom(32)).decode()


def _configured() -> str:
    if secret := (settings.ENCRYPTION_MASTER_KEY or "").strip():
        return secret
    path = settings.MULTIFLEXI_MASTER_KEY_FILE
    return _read(str(path)) if path else ""


@lru_cache(maxsize=4)
def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or _("not UTF-8 text")
        raise MasterKeyMissing(
            _(
                "The master key file {path} named by MULTIFLEXI_MASTER_KEY_FILE cannot be read ({reason}). "
                "Make it readable for the account of this service, or set ENCRYPTION_MASTER_KEY."
            ).format(path=path, reason=reason)
        ) from None


@lru_cache(maxsize=4)
def _derived(secret: str, previous: str = "") -> MasterKey:
    raw = secret.encode("utf-8", "surrogateescape")
    fingerprint = cipher.derive(raw, "multiflexi master key fingerprint v1", 8).hex()
    wrapping = cipher.derive(raw, "multiflexi data key wrapping v1")
    return MasterKey(fingerprint, len(secret), wrapping, _derived(previous) if previous else None)
