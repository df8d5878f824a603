"""What an audit entry says about changed fields."""

from collections.abc import Collection, Mapping
from typing import Any

from multiflexi.record.plain import plain
from multiflexi.vault import keyed

_PURPOSE = "audit change"


def changes_between(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    secret_fields: Collection[str] = (),
    personal_fields: Collection[str] = (),
) -> dict[str, dict[str, Any]]:
    """Changed fields with old and new value; of secret and personal ones only keyed hashes, marked `hashed`.

    For a creation `before` is empty, for a deletion `after`. Pass secrets in clear: two envelopes of one value
    differ. Raises a VaultError when a hash is needed and the audit key is not usable.
    """
    hidden = {*secret_fields, *personal_fields}
    changes = {}
    for name in dict.fromkeys([*before, *after]):
        old, new = plain(before.get(name)), plain(after.get(name))
        if old == new and type(old) is type(new):
            continue
        if name in hidden:
            changes[name] = {"old": _hashed(name, old), "new": _hashed(name, new), "hashed": True}
        else:
            changes[name] = {"old": old, "new": new}
    return changes


def _hashed(name: str, value: Any) -> str | None:
    """A code that is equal for equal values of one field; that a value is missing is no secret."""
    if value is None or value == "":
        return value
    key = keyed.current_key()
    return f"hmac-sha256:{key.id}:{keyed.code(key, _PURPOSE, f'{name}={value}')}"
