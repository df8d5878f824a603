"""How a data key is kept in the table encryption_keys: 32 random bytes, encrypted with the master key."""

import base64
import binascii
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from multiflexi.models import EncryptionKey
from multiflexi.vault import cipher
from multiflexi.vault.errors import DecryptionFailed, MasterKeyWrong
from multiflexi.vault.master import MasterKey


@dataclass(frozen=True)
class DataKey:
    """One unwrapped data key; `id` is the key id of envelopes."""

    id: int
    name: str
    secret: bytes = field(repr=False)


def new_row(name: str, company_id: int | None, version: int, master_key: MasterKey) -> EncryptionKey:
    """An unsaved row with a new random key, bound to its name, company and version."""
    row = EncryptionKey(key_name=name, company_id=company_id, version=version)
    _wrap(row, cipher.new_key(), master_key)
    return row


def rewrap(row: EncryptionKey, master_key: MasterKey) -> None:
    """Wrap the key of a row, unsaved, with another master key; raises as `unwrapped`, which uses the previous one."""
    _wrap(row, unwrapped(row, master_key).secret, master_key)


def _wrap(row: EncryptionKey, secret: bytes, master_key: MasterKey) -> None:
    context = _context(row.key_name, row.company_id, row.version)
    nonce, sealed = cipher.encrypt(master_key.wrapping, secret, context)
    row.key_data = base64.b64encode(nonce + sealed).decode("ascii")
    row.master_key_id = master_key.id


def unwrapped(row: EncryptionKey, master_key: MasterKey) -> DataKey:
    """The key of a row; raises MasterKeyWrong, or DecryptionFailed when the row itself was changed."""
    fitting = check_master(row, master_key)
    context = _context(row.key_name, row.company_id, row.version)
    try:
        data = base64.b64decode(row.key_data, validate=True)
        secret = cipher.decrypt(fitting.wrapping, data[: cipher.NONCE_BYTES], data[cipher.NONCE_BYTES :], context)
    except (binascii.Error, cipher.WrongKeyOrData):
        raise DecryptionFailed(
            _(
                "The data key {name} version {version} (id {id}) is damaged or was changed in the database. "
                "Restore the table encryption_keys from a backup."
            ).format(name=row.key_name, version=row.version, id=row.pk)
        ) from None
    return DataKey(row.pk, row.key_name, secret)


def check_master(row: EncryptionKey, master_key: MasterKey) -> MasterKey:
    """The master key that wraps the row; raises MasterKeyWrong, naming both fingerprints, when it is another one."""
    fitting = master_key.of(row.master_key_id)
    if fitting is None:
        raise MasterKeyWrong(
            _(
                "The data key {name} version {version} is wrapped by the master key {expected}, but the configured "
                "one is {configured}. Set ENCRYPTION_MASTER_KEY to the value it had when the keys were created; "
                "while it is being changed, ENCRYPTION_MASTER_KEY_PREVIOUS."
            ).format(name=row.key_name, version=row.version, expected=row.master_key_id, configured=master_key.id)
        )
    return fitting


def _context(name: str, company_id: int | None, version: int) -> bytes:
    return f"{name}|{'' if company_id is None else company_id}|{version}".encode()
