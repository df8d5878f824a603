"""The data keys of the installation and its companies: created once, unwrapped and cached per process."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from multiflexi.models import EncryptionKey
from multiflexi.vault import lock, master, wrapping
from multiflexi.vault.errors import KeyMissing, VaultError
from multiflexi.vault.names import AUDIT, COMPANY_NAMES, CREDENTIALS, DEFAULT, INSTALLATION_NAMES, PERSONAL_DATA
from multiflexi.vault.status import KeyRingStatus, status
from multiflexi.vault.wrapping import DataKey

__all__ = (
    "AUDIT",
    "CREDENTIALS",
    "DEFAULT",
    "INSTALLATION_NAMES",
    "MAX_AGE",
    "PERSONAL_DATA",
    "DataKey",
    "KeyRingStatus",
    "by_id",
    "current",
    "ensure_keys",
    "forget",
    "missing",
    "status",
    "versions_of",
)

# A process goes on writing with the version it knows for at most this many seconds after a rotation.
MAX_AGE = 10.0


@dataclass
class _Cache:
    """Keys unwrapped with one master key; bytes behind an id never change, which version is newest does.

    Every key there is gets unwrapped, not only the newest: a value read before its key was retired can then still be
    opened by a process that never used the key.
    """

    master_id: str = ""
    by_id: dict[int, DataKey] = field(default_factory=dict)
    newest: dict[tuple[str, int | None], EncryptionKey] = field(default_factory=dict)
    until: float = 0.0

    def refresh(self, master_key: master.MasterKey) -> None:
        newest: dict[tuple[str, int | None], EncryptionKey] = {}
        for row in EncryptionKey.objects.order_by("version"):
            if row.is_active:
                newest[row.key_name, row.company_id] = row
            if row.pk not in self.by_id:
                # One that does not fit is told to whoever needs it.
                with suppress(VaultError):
                    self.by_id[row.pk] = wrapping.unwrapped(row, master_key)
        self.newest, self.until = newest, time.monotonic() + MAX_AGE

    def newest_row(self, name: str, company_id: int | None) -> EncryptionKey | None:
        return self.newest.get((name, company_id)) or self.newest.get((name, None))


_cache = _Cache()


def ensure_keys(company_id: int | None = None) -> list[str]:
    """Create the data keys that are missing, of the installation or of one company; return their names.

    Idempotent, and safe when several processes do it at once. Must not run inside a transaction (RuntimeError).
    Raises MasterKeyMissing without a master secret of at least 32 characters, and MasterKeyWrong when existing
    keys are wrapped by another one.
    """
    if not missing(company_id):
        return []
    with lock.alone():
        names = missing(company_id)
        _create(names, company_id)
    forget()
    return names


def current(name: str, company_id: int | None = None) -> DataKey:
    """The key to write with: the company's own newest one, else the installation's.

    Raises KeyMissing, MasterKeyMissing or MasterKeyWrong. Another process's new version is seen within MAX_AGE.
    """
    master_key = master.current()
    cache = _cache_of(master_key)
    row = cache.newest_row(name, company_id) if time.monotonic() < cache.until else None
    if row is None:
        cache.refresh(master_key)
        row = cache.newest_row(name, company_id)
    if row is None:
        raise KeyMissing(
            _(
                "The data key {name} does not exist, so nothing can be sealed or signed with it. "
                "Run `multiflexi-cli setup`, which creates the missing keys."
            ).format(name=name)
        )
    return cache.by_id.get(row.pk) or wrapping.unwrapped(row, master_key)


def versions_of(name: str) -> list[DataKey]:
    """All usable versions of a key of the installation, newest first; raises as `current`."""
    newest = current(name)
    others = [key for key in _cache.by_id.values() if key.name == name and key.id != newest.id]
    return [newest, *sorted(others, key=lambda key: -key.id)]


def by_id(key_id: int) -> DataKey:
    """The key with this id, whatever its age; an unknown id is looked up in the database.

    Raises KeyMissing, MasterKeyMissing or MasterKeyWrong.
    """
    master_key = master.current()
    cache = _cache_of(master_key)
    if key_id not in cache.by_id:
        row = EncryptionKey.objects.filter(pk=key_id).first()
        if row is None:
            raise KeyMissing(
                _(
                    "The data key {id} does not exist (any more), so what was sealed with it cannot be read. "
                    "Restore the table encryption_keys from a backup, or enter the values again."
                ).format(id=key_id)
            )
        cache.by_id[key_id] = wrapping.unwrapped(row, master_key)
    return cache.by_id[key_id]


def forget() -> None:
    """Drop every cached key of this process; the next use reads the database."""
    global _cache  # noqa: PLW0603
    _cache = _Cache()


def _cache_of(master_key: master.MasterKey) -> _Cache:
    """The cache of this master key: with another one, or after its removal, no key stays usable."""
    global _cache  # noqa: PLW0603
    cache = _cache
    if cache.master_id != master_key.id:
        cache = _cache = _Cache(master_key.id)
    return cache


def missing(company_id: int | None = None) -> list[str]:
    """Names without an active key, of the installation or of one company.

    On the way every key around must fit the master key, lest two get mixed: raises MasterKeyMissing or MasterKeyWrong.
    """
    master_key = master.current()
    rows = EncryptionKey.objects.filter(_owned_by(company_id), is_active=True)
    present = set()
    for row in rows:
        wrapping.check_master(row, master_key)
        if row.company_id == company_id:
            present.add(row.key_name)
    return [name for name in (INSTALLATION_NAMES if company_id is None else COMPANY_NAMES) if name not in present]


def _create(names: list[str], company_id: int | None) -> None:
    master_key = master.current_for_new_keys()
    rows = [wrapping.new_row(name, company_id, newest_version(name, company_id) + 1, master_key) for name in names]
    EncryptionKey.objects.bulk_create(rows)


def newest_version(name: str, company_id: int | None) -> int:
    """The highest version of a key, 0 when there is none."""
    return versions(name, company_id).aggregate(newest=Max("version"))["newest"] or 0


def versions(name: str, company_id: int | None) -> QuerySet[EncryptionKey]:
    """All versions of a key of the installation or of one company, replaced ones too."""
    return EncryptionKey.objects.filter(Q(company_id=company_id), key_name=name)


def _owned_by(company_id: int | None) -> Q:
    """Keys of the installation, and of the company if there is one."""
    return Q(company=None) if company_id is None else Q(company=None) | Q(company_id=company_id)
