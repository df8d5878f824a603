"""Data keys and what they have sealed: looking at them, changing them, proving that everything opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from multiflexi.models import Company
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import setup
from multiflexi.services.errors import invalid_field
from multiflexi.vault import rotation, status, sweep
from multiflexi.vault.names import AUDIT, INSTALLATION_NAMES
from multiflexi.vault.rotation import KeyChange, Rotation, Selection
from multiflexi.vault.status import KeyRingStatus, KeyState
from multiflexi.vault.sweep import Found, Progress


class Initialised(NamedTuple):
    """Names of the keys that were made, and of those that got a new version."""

    created: list[str]
    rotated: list[str]


def look() -> tuple[KeyRingStatus, Found]:
    """The key ring, and how many values each key has sealed in which table."""
    return status.status(), sweep.usage()


def unfinished(ring: KeyRingStatus) -> list[KeyState]:
    """Old versions that a rotation has replaced and not retired; those of the audit key stay for ever."""
    return [key for key in ring.keys if not key.is_active and key.key_name != AUDIT]


def without_key(ring: KeyRingStatus, found: Found) -> int:
    """How many values no key of the ring can open: theirs is gone, or they are too damaged to tell which it was."""
    return found.checked - sum(found.of_key(key.id) for key in ring.keys)


def init(actor: Actor, *, force: bool = False) -> Initialised:
    """Make the data keys that are missing; `force` adds a version to those that exist. Raises VaultError."""
    created = setup.create_keys(actor)
    rotated = []
    if force:
        keys = [key for key in Selection().chosen() if key.company_id is None and key.key_name not in created]
        if keys:
            rotation.add_versions(keys, _note(actor, "encryption_key_rotated", keys))
        rotated = [key.key_name for key in keys]
    return Initialised(created, rotated)


def planned(names: Sequence[str], companies: Sequence[Company]) -> list[KeyChange]:
    """The keys a rotation would change with the values it would go over. Raises Invalid."""
    keys, found = _selection(names, companies).chosen(), sweep.usage()
    ring = status.status().keys
    for key in keys:
        key.values = sum(found.of_key(row.id) for row in ring if _is(row, key))
        key.new_version = key.old_version + 1
    return keys


def rotate(
    actor: Actor,
    names: Sequence[str] = (),
    companies: Sequence[Company] = (),
    *,
    batch_size: int = sweep.BATCH,
    progress: Progress | None = None,
    wait: Callable[[float], object] | None = time.sleep,
) -> Rotation:
    """See `vault.rotation.rotate`; a company named gets keys of its own. Raises Invalid and VaultError."""
    selection = _selection(names, companies)
    note = _note(actor, "encryption_key_rotated", selection.chosen())
    return rotation.rotate(selection, note=note, batch_size=batch_size, progress=progress, wait=wait)


def rewrap(actor: Actor) -> int:
    """Wrap the data keys with the new master key; how many were wrapped by the previous one. Raises VaultError."""
    return rotation.rewrap(_note(actor, "encryption_master_key_changed", ()))


def verify(limit: int = 0, progress: Progress | None = None) -> Found:
    """Open every sealed value. Raises MasterKeyMissing and MasterKeyWrong."""
    return sweep.verify(limit, progress)


def _selection(names: Sequence[str], companies: Sequence[Company]) -> Selection:
    try:
        return Selection(names, [company.pk for company in companies])
    except rotation.UnknownKey as error:
        whose = "a company has" if companies else "there are"
        raise invalid_field(
            "key", f'"{error}" is no data key; {whose} {", ".join(rotation.names_of(bool(companies)))}.'
        ) from None


def _note(actor: Actor, event: str, keys: Sequence[KeyChange]) -> Callable[[int], object]:
    names = sorted({key.key_name for key in keys}) or list(INSTALLATION_NAMES)

    def note(number: int) -> None:
        data: dict[str, Any] = {"keys": names, "number": number}
        audit.write(actor, "update", "EncryptionKey", event_type=event, severity="high", data=data)

    return note


def _is(row: status.KeyState, key: KeyChange) -> bool:
    return (row.key_name, row.company_id) == (key.key_name, key.company_id)
