"""Changing keys while everything runs: new versions, values sealed again, old versions retired.

A rotation that was broken off is finished by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, ProtectedError, Q
from django.utils import timezone

from multiflexi.models import CredentialValue, EncryptionKey
from multiflexi.vault import keyring, lock, master, sweep, wrapping
from multiflexi.vault.names import AUDIT, COMPANY_NAMES, INSTALLATION_NAMES
from multiflexi.vault.sweep import Found, Progress

# Every process writes with a new version after keyring.MAX_AGE; the rest is for transactions that began before.
GRACE = timedelta(seconds=60)

# Of a waiting call: each pass may meet a row that somebody writes just then, and another call can go on.
PASSES = 5

Note = Callable[[int], object]
"""Records in the transaction of the change, before it, how many keys are changed."""


def names_of(company: bool) -> tuple[str, ...]:
    """The data keys that a company, or the installation, can have."""
    return COMPANY_NAMES if company else INSTALLATION_NAMES


class UnknownKey(ValueError):
    """There is no data key of this name."""


@dataclass
class KeyChange:
    """What became of one data key: `values` are sealed with its new version, the `retired` old versions are gone."""

    key_name: str
    company_id: int | None
    old_version: int
    new_version: int
    values: int = 0
    reencrypted: int = 0
    failed: int = 0
    retired: list[int] = field(default_factory=list)


@dataclass
class Rotation:
    """The outcome; old versions that nothing uses any more can be retired from `retire_after` on, None when all are."""

    keys: list[KeyChange]
    found: Found
    resumed: bool = False
    retire_after: datetime | None = None

    @property
    def failed(self) -> int:
        return len(self.found.unreadable)


@dataclass(frozen=True)
class Selection:
    """Which data keys are meant: all, those of some names, or those of some companies. Raises UnknownKey."""

    names: Sequence[str] = ()
    company_ids: Sequence[int] = ()

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in names_of(bool(self.company_ids)):
                raise UnknownKey(name)

    @property
    def condition(self) -> Q:
        named = Q(key_name__in=self.names) if self.names else Q()
        return named & Q(company_id__in=self.company_ids) if self.company_ids else named

    def chosen(self) -> list[KeyChange]:
        """The data keys with their present version, which is 0 for a key that a named company is to get."""
        active = EncryptionKey.objects.filter(self.condition, is_active=True)
        pairs = list(active.order_by(F("company_id").asc(nulls_first=True), "pk").values_list("key_name", "company_id"))
        pairs += [(name, company_id) for company_id in self.company_ids for name in self.names or COMPANY_NAMES]
        versions = {pair: keyring.newest_version(*pair) for pair in pairs}
        return [KeyChange(*pair, version, version) for pair, version in versions.items()]

    def replaced(self) -> list[EncryptionKey]:
        """Old versions that sealed values; those of the audit key prove its entries for ever."""
        rows = EncryptionKey.objects.filter(self.condition, is_active=False).exclude(key_name=AUDIT)
        return list(rows.order_by("pk"))


def rotate(
    selection: Selection,
    *,
    note: Note,
    batch_size: int = sweep.BATCH,
    progress: Progress | None = None,
    wait: Callable[[float], object] | None = time.sleep,
) -> Rotation:
    """Give data keys a new version, seal every value with it, and retire the old versions once nothing uses them.

    When an earlier rotation of these keys is unfinished, it is finished instead. `wait` sleeps until every process
    writes with the new version; None leaves the retirement to another call. Raises a VaultError, and RuntimeError
    inside a transaction.
    """
    keyring.forget()
    rotation = Rotation(selection.chosen(), Found())
    if selection.replaced():
        rotation.resumed = _advance(rotation, selection, batch_size, progress)
    if not rotation.resumed:
        add_versions(rotation.keys, note)
        _advance(rotation, selection, batch_size, progress)
    for _again in range(PASSES):
        if wait is None or rotation.retire_after is None:
            break
        wait(max((rotation.retire_after - timezone.now()).total_seconds(), 0))
        _advance(rotation, selection, batch_size, progress)
    return rotation


def add_versions(keys: Sequence[KeyChange], note: Note) -> None:
    """Create the new versions; the old ones stay readable. Raises MasterKeyMissing when the master key is too short."""
    master_key = master.current_for_new_keys()
    with lock.alone():
        note(len(keys))
        for key in keys:
            key.old_version = keyring.newest_version(key.key_name, key.company_id)
            key.new_version = key.old_version + 1
            older = keyring.versions(key.key_name, key.company_id).filter(is_active=True)
            older.update(is_active=False, rotated_at=timezone.now())
            wrapping.new_row(key.key_name, key.company_id, key.new_version, master_key).save()
    keyring.forget()


def rewrap(note: Note) -> int:
    """Wrap all data keys with ENCRYPTION_MASTER_KEY instead of ENCRYPTION_MASTER_KEY_PREVIOUS; how many were.

    All of them or none. Raises MasterKeyWrong when one fits neither, MasterKeyMissing when the new one is too short.
    """
    master_key = master.current_for_new_keys()
    with lock.alone():
        rows = list(EncryptionKey.objects.exclude(master_key_id=master_key.id).order_by("pk"))
        if rows:
            note(len(rows))
        for row in rows:
            wrapping.rewrap(row, master_key)
            row.save(update_fields=["key_data", "master_key_id"])
    keyring.forget()
    return len(rows)


def wrapped_by_another() -> int:
    """How many data keys `rewrap` would wrap again. Raises as it does."""
    master_key = master.current_for_new_keys()
    rows = list(EncryptionKey.objects.exclude(master_key_id=master_key.id))
    for row in rows:
        wrapping.unwrapped(row, master_key)
    return len(rows)


def _advance(rotation: Rotation, selection: Selection, batch_size: int, progress: Progress | None) -> bool:
    """Seal again what is not sealed with its newest key and retire what is unused; whether there was anything to do."""
    began = timezone.now()
    found = sweep.reseal(batch_size, progress)
    unused = [row for row in selection.replaced() if not found.overtaken and not found.of_key(row.pk)]
    retired = [row for row in unused if _grace_end(row) <= began and _retire(row)]
    waiting = [_grace_end(row) for row in unused if row not in retired]
    rotation.found = found
    rotation.retire_after = max(waiting, default=began if found.overtaken else None)
    for key in rotation.keys:
        _describe(key, found)
        key.retired += [
            row.version for row in retired if (row.key_name, row.company_id) == (key.key_name, key.company_id)
        ]
    return bool(found.moved or found.overtaken or retired or waiting)


def _describe(key: KeyChange, found: Found) -> None:
    versions = keyring.versions(key.key_name, key.company_id)
    for row in versions:
        key.reencrypted += found.moved[row.pk]
    key.values = sum(found.of_key(row.pk) for row in versions if row.is_active)
    key.failed = sum(found.broken[row.pk] for row in versions)


def _grace_end(row: EncryptionKey) -> datetime:
    return (row.rotated_at or row.created_at) + GRACE


def _retire(row: EncryptionKey) -> bool:
    """Delete an old version; not while a row still refers to it."""
    try:
        with transaction.atomic():
            CredentialValue.objects.filter(key=row, is_encrypted=False).update(key=None)
            # The row in hand is needed for the report.
            EncryptionKey.objects.filter(pk=row.pk, is_active=False).delete()
    except ProtectedError:
        return False
    return True
