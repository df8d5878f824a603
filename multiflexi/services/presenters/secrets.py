"""Secrets as they may be shown: whether there is one, never which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiflexi.vault.secrecy import MASK, display


def shown(value: str | None, *, secret: bool) -> str | None:
    """The value, or for a secret the mask when it is set."""
    return display(value) if secret else value


def fingerprint(value: str | None) -> str | None:
    """Eight characters by which two secrets can be compared without being told; None when there is none.

    Raises a VaultError.
    """
    # Cryptography takes a twentieth of the time of a short command, and lists do without it.
    from multiflexi.vault import keyed

    return keyed.code(keyed.current_key(), "fingerprint of a secret", value)[:8] if value else None


def environment(snapshot: Mapping[str, Any] | None, meta: Mapping[str, Any] | None) -> dict[str, str | None]:
    """A job's variables as texts; whatever is sealed or marked secret is masked."""
    return {name: _variable(value, (meta or {}).get(name)) for name, value in (snapshot or {}).items()}


def _variable(value: Any, meta: Any) -> str | None:
    if isinstance(meta, Mapping) and meta.get("secret"):
        # The secret values of an ended job are blanked to null; an empty text was never set.
        return display(None if value == "" else MASK)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
