"""The code that proves an audit entry was written by the platform and not changed since."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from multiflexi.models import AuditEntry
from multiflexi.record.plain import instant, plain
from multiflexi.vault import keyed

_PURPOSE = "audit entry"
# The id is not known before the INSERT; the seal binds id and code. Address and agent may be blanked.
_NOT_COVERED = frozenset({"id", "ip_address", "user_agent", "mac"})


def sign_entries(entries: Iterable[AuditEntry]) -> None:
    """Set `mac` and `mac_key` of unsaved entries; raises a VaultError when the audit key is not usable."""
    key = keyed.current_key()
    for entry in entries:
        entry.mac_key_id = key.id
        entry.mac = keyed.code(key, _PURPOSE, canonical(entry))


def verify_entry(entry: AuditEntry) -> bool:
    """Whether the entry is as it was written; raises a VaultError when its key exists but cannot be used."""
    return keyed.verify(entry.mac_key_id, _PURPOSE, canonical(entry), entry.mac)


def canonical(entry: AuditEntry) -> str:
    """JSON of the covered columns, the same before and after a round trip through any database.

    Columns without a value are left out, so a nullable column added later keeps old codes valid.
    """
    columns: dict[str, Any] = {}
    for column in entry._meta.concrete_fields:
        value = getattr(entry, column.attname)
        if column.attname not in _NOT_COVERED and value is not None:
            columns[column.attname] = instant(value) if isinstance(value, datetime) else plain(value)
    return json.dumps(columns, sort_keys=True, separators=(",", ":"), allow_nan=False)
