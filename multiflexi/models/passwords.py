"""How passwords are kept and compared, also those of former installations until their next sign-in."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth import hashers

_MD5 = re.compile(r"([0-9a-f]{32}):(.+)")
_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
# So long an MD5 hash of a former installation waits for its first sign-in; then it takes a new password.
FORMER_MD5_FOR = timedelta(days=90)


def normal(password: str) -> str:
    """One form of what can be typed in several ways."""
    return unicodedata.normalize("NFKC", password)


def hashed(password: str | None) -> str:
    """The hash to store; None makes one that nothing fits."""
    return hashers.make_password(None if password is None else normal(password))


def is_usable(stored: str) -> bool:
    """Whether any password can fit the hash."""
    return hashers.is_password_usable(stored)


def stored_form(text: str) -> str | None:
    """The form a ready hash is kept in, also of former installations; None for what is no hash.

    That of an MD5 hash tells the day, from which on its time runs: keep it when the hash arrives.
    """
    if _BCRYPT.fullmatch(text):
        return f"{FormerBcrypt.algorithm}${text}"
    if found := _MD5.fullmatch(text):
        return f"{FormerMd5.algorithm}${_today():%Y%m%d}${found[2]}${found[1]}"
    try:
        hashers.identify_hasher(text)
    except ValueError:
        return None
    return text


def is_too_old(stored: str) -> bool:
    """Whether the hash is a weak one that nobody has used for so long that it takes a new password."""
    if not stored.startswith(f"{FormerMd5.algorithm}$"):
        return False
    try:
        return FormerMd5().arrived(stored) + FORMER_MD5_FOR <= _today()
    except ValueError:
        # Of a day that nobody knows.
        return True


def fits(password: str | None, stored: str, renew: Callable[[str], None]) -> bool:
    """Whether the password is the stored one; takes as long for none. `renew` gets the new hash where one is due.

    Nothing fits a hash that is too old.
    """
    if password is None or is_too_old(stored):
        return False

    def keep(given: str) -> None:
        renew(hashed(given))

    known = stored_form(stored) or stored
    if hashers.check_password(normal(password), known, setter=keep):
        return True
    # Former installations hashed what was typed.
    return normal(password) != password and hashers.check_password(password, known, setter=keep)


class FormerBcrypt(hashers.BasePasswordHasher):
    """bcrypt as PHP writes it: `former_bcrypt$` and the hash; only the first 72 bytes of a password count."""

    algorithm = "former_bcrypt"

    def encode(self, password: str, salt: str) -> str:
        import bcrypt

        return f"{self.algorithm}${bcrypt.hashpw(_bytes(password), salt.encode()).decode()}"

    def salt(self) -> str:
        import bcrypt

        return bcrypt.gensalt().decode()

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, _dollar, code = encoded.partition("$")
        return {"algorithm": algorithm, "hash": code, "salt": code[:29]}

    def verify(self, password: str, encoded: str) -> bool:
        import bcrypt

        try:
            return bcrypt.checkpw(_bytes(password), self.decode(encoded)["hash"].encode())
        except ValueError:
            return False

    def safe_summary(self, encoded: str) -> Any:
        return {"algorithm": self.algorithm}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Its work factor is in the hash; nothing to even out."""


class FormerMd5(hashers.BasePasswordHasher):
    """`md5(salt + password)`, kept as `former_md5$YYYYMMDD$salt$hash` with the day it arrived."""

    algorithm = "former_md5"

    def encode(self, password: str, salt: str) -> str:
        code = hashlib.md5(f"{salt}{password}".encode(), usedforsecurity=False).hexdigest()
        return f"{self.algorithm}${_today():%Y%m%d}${salt}${code}"

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, day, rest = encoded.split("$", 2)
        salt, _dollar, code = rest.rpartition("$")
        return {"algorithm": algorithm, "day": day, "hash": code, "salt": salt}

    def arrived(self, encoded: str) -> date:
        """The day that the hash came here."""
        return datetime.strptime(self.decode(encoded)["day"], "%Y%m%d").replace(tzinfo=UTC).date()

    def verify(self, password: str, encoded: str) -> bool:
        known = self.decode(encoded)
        return secrets.compare_digest(self.decode(self.encode(password, known["salt"]))["hash"], known["hash"])

    def safe_summary(self, encoded: str) -> Any:
        return {"algorithm": self.algorithm}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """One round only; such a hash is replaced at the first sign-in."""


def _today() -> date:
    return datetime.now(UTC).date()


def _bytes(password: str) -> bytes:
    return password.encode()[:_BCRYPT_BYTES]
