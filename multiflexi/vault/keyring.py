"""The data keys of the installation and its companies: created once, unwrapped and cached per process."""

import time
from dataclasses import dataclass, field

from django.db.models import F, Max, Q
from django.utils.translation import gettext as _

from multiflexi.models import EncryptionKey
from multiflexi.vault import lock, master, wrapping
from multiflexi.vault.errors import KeyMissing
from multiflexi.vault.names import AUDIT, COMPANY_NAMES, CREDENTIALS, DEFAULT, INSTALLATION_NAMES, PERSONAL_DATA
from multiflexi.vault.status import KeyRingStatus, status
from multiflexi.vault.wrapping import DataKey

__all__ = (
    "AUDIT",
    "CREDENTIALS",
    "DEFAULT",
    "MAX_AGE",
    "PERSONAL_DATA",
    "DataKey",
    "KeyRingStatus",
    "by_id",
    "current",
    "ensure_keys",
    "forget",
    "status",
)

# A process goes on writing with the version it knows for at most this many seconds after a rotation.
MAX_AGE = 60.0


@dataclass
class _Cache:
    """Keys unwrapped with one master key; bytes behind an id never change, which version is newest does."""

    master_id: str = ""
    by_id: dict[int, DataKey] = field(default_factory=dict)
    newest: dict[tuple[str, int | None], tuple[float, DataKey]] = field(default_factory=dict)


_cache = _Cache()


def ensure_keys(company_id: int | None = None) -> list[str]:
    """Create the data keys that are missing, of the installation or of one company; return their names.

    Idempotent, and safe when several processes do it at once. Must not run inside a transaction (RuntimeError).
    Raises MasterKeyMissing without a master secret of at least 32 characters, and MasterKeyWrong when existing
    keys are wrapped by another one.
    """
    if not _missing(company_id):
        return []
    with lock.alone():
        missing = _missing(company_id)
        _create(missing, company_id)
    forget()
    return missing


def current(name: str, company_id: int | None = None) -> DataKey:
    """The key to write with: the company's own newest one, else the installation's.

    Raises KeyMissing, MasterKeyMissing or MasterKeyWrong. Another process's new version is seen within MAX_AGE.
    """
    master_key = master.current()
    cache = _cache_of(master_key)
    until, known = cache.newest.get((name, company_id), (0.0, None))
    if known is not None and time.monotonic() < until:
        return known
    row = _newest_row(name, company_id)
    key = cache.by_id.get(row.pk) or wrapping.unwrapped(row, master_key)
    cache.by_id[key.id] = key
    cache.newest[name, company_id] = (time.monotonic() + MAX_AGE, key)
    return key


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


def _missing(company_id: int | None) -> list[str]:
    """Names without an active key; on the way every key around must fit the master key, lest two get mixed."""
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
    rows = []
    for name in names:
        versions = EncryptionKey.objects.filter(Q(company_id=company_id), key_name=name)
        newest = versions.aggregate(newest=Max("version"))["newest"] or 0
        rows.append(wrapping.new_row(name, company_id, newest + 1, master_key))
    EncryptionKey.objects.bulk_create(rows)


def _newest_row(name: str, company_id: int | None) -> EncryptionKey:
    rows = EncryptionKey.objects.filter(_owned_by(company_id), key_name=name, is_active=True)
    row = rows.order_by(F("company_id").desc(nulls_last=True), "-version").first()
    if row is None:
        raise KeyMissing(
            _(
                "The data key {name} does not exist, so nothing can be sealed or signed with it. "
                "Run `multiflexi-cli setup`, which creates the missing keys."
            ).format(name=name)
        )
    return row


def _owned_by(company_id: int | None) -> Q:
    """Keys of the installation, and of the company if there is one."""
    return Q(company=None) if company_id is None else Q(company=None) | Q(company_id=company_id)
