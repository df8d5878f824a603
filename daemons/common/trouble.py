"""What an exception of a cycle means, and in which words people hear of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, ProgrammingError

from multiflexi.jobs.queue import is_passing
from multiflexi.vault.errors import KeyMissing, MasterKeyMissing, MasterKeyWrong

# Codes of MySQL and MariaDB; the servers' texts for PostgreSQL and SQLite, whose drivers give no code on connecting.
REFUSED_CODES = frozenset({1044, 1045, 1698})
UNKNOWN_CODES = frozenset({1049})
NO_TABLE_CODES = frozenset({1146, 1054})
REFUSED_TEXTS = ("authentication failed", "no password supplied", "pg_hba.conf", "access denied")
UNKNOWN_TEXTS = ("unable to open database file", "file is not a database", "unknown database")
NO_TABLE_TEXTS = ("no such table", "no such column", "does not exist", "doesn't exist")


@dataclass(frozen=True)
class Trouble:
    """Why a cycle failed; ``permanent`` does not heal by itself and is retried slowly."""

    kind: str
    text: str
    permanent: bool = False


def trouble_of(error: Exception) -> Trouble:
    """Classify what a cycle raised: database, refused, unknown, unmigrated, misconfigured or bug."""
    if isinstance(error, MasterKeyMissing | MasterKeyWrong | KeyMissing):
        return Trouble("misconfigured", f"secrets cannot be sealed or opened: {_reason(error)}", permanent=True)
    if isinstance(error, ImproperlyConfigured):
        return Trouble("misconfigured", f"the settings cannot be used: {_reason(error)}; correct them", permanent=True)
    if not isinstance(error, OperationalError | InterfaceError | ProgrammingError) and not is_passing(error):
        return Trouble("bug", f"the cycle failed: {type(error).__name__}: {_reason(error)}")
    code = error.args[0] if error.args and isinstance(error.args[0], int) else None
    reason = _reason(error)
    lower = reason.lower()
    if code in REFUSED_CODES or _any(REFUSED_TEXTS, lower) or ("role" in lower and "does not exist" in lower):
        text = f"the database refuses the account: {reason}; correct DB_USERNAME and DB_PASSWORD"
        return Trouble("refused", text, permanent=True)
    missing_database = 'database "' in lower and "does not exist" in lower
    if code in UNKNOWN_CODES or _any(UNKNOWN_TEXTS, lower) or missing_database:
        return Trouble("unknown", f"there is no such database: {reason}; create it or correct DB_DATABASE", True)
    if code in NO_TABLE_CODES or _any(NO_TABLE_TEXTS, lower):
        return Trouble("unmigrated", f"the database lacks tables: {reason}; run multiflexi-cli setup", permanent=True)
    if isinstance(error, ProgrammingError):
        return Trouble("bug", f"the cycle failed: {reason}")
    return Trouble("database", f"the database cannot be used: {reason}")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _any(texts: tuple[str, ...], lower: str) -> bool:
    return any(text in lower for text in texts)
