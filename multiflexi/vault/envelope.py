"""The sealed form of a secret value: `{"v":2,"kid":…,"n":…,"ct":…}`, bound to its table, field and record."""

import base64
import binascii
import json
from typing import NamedTuple, NoReturn

from django.utils.translation import gettext as _

from multiflexi.vault import cipher, keyring, places
from multiflexi.vault.errors import DecryptionFailed

VERSION = 2
_BEGINNING = f'{{"v":{VERSION},"kid":'
_MEMBERS = {"v", "kid", "n", "ct"}


class _Sealed(NamedTuple):
    key_id: int
    nonce: bytes
    sealed: bytes


def seal(plain: str, *, key: str, table: str, field: str, record: int | str, company_id: int | None = None) -> str:
    """Encrypt a value for exactly this place; an empty string stays empty.

    `key` names the data key (`keyring.CREDENTIALS` …), `field` is the column, for a member of a JSON column with
    its path (`overrides.API_KEY`), `record` the primary key, so the row needs its id first. Raises a VaultError
    when no key is usable, and ValueError for a place without an id or outside of `places`.
    """
    context = _context(table, field, record)
    places.check(table, field)
    if plain == "":
        return ""
    data_key = keyring.current(key, company_id)
    nonce, sealed = cipher.encrypt(data_key.secret, plain.encode("utf-8", "surrogatepass"), context)
    return json.dumps({"v": VERSION, "kid": data_key.id, "n": _text(nonce), "ct": _text(sealed)}, separators=(",", ":"))


def open_sealed(text: str, *, table: str, field: str, record: int | str) -> str:
    """Decrypt the value of this place; an empty string is empty.

    Raises DecryptionFailed for clear text, damage and envelopes from another place, else a VaultError of the keys.
    """
    context = _context(table, field, record)
    if text == "":
        return ""
    envelope = _parsed(text)
    if envelope is None:
        _fail(_("it is not encrypted"), table, field, record)
    data_key = keyring.by_id(envelope.key_id)
    try:
        plain = cipher.decrypt(data_key.secret, envelope.nonce, envelope.sealed, context)
    except cipher.WrongKeyOrData:
        _fail(_("it was changed, or belongs to another record"), table, field, record)
    return plain.decode("utf-8", "surrogatepass")


def is_sealed(text: object) -> bool:
    """Whether this is an envelope by its form; says nothing about whether it can be opened."""
    return _parsed(text) is not None


def looks_sealed(text: object) -> bool:
    """Whether this is an envelope or what is left of a damaged one; such a text is never a value of its own."""
    return isinstance(text, str) and (text.startswith(_BEGINNING) or is_sealed(text))


def key_id_of(text: str) -> int | None:
    """The id of the data key an envelope was sealed with, for columns like `credata.key_id`; None for other text."""
    envelope = _parsed(text)
    return envelope.key_id if envelope else None


def _parsed(text: object) -> _Sealed | None:
    if not isinstance(text, str) or not text.startswith("{"):
        return None
    try:
        members = json.loads(text)
        if set(members) != _MEMBERS or members["v"] != VERSION or type(members["kid"]) is not int:
            return None
        nonce = base64.b64decode(members["n"], validate=True)
        sealed = base64.b64decode(members["ct"], validate=True)
    except (ValueError, TypeError, RecursionError, binascii.Error):
        return None
    if members["kid"] < 1 or len(nonce) != cipher.NONCE_BYTES or len(sealed) < cipher.TAG_BYTES:
        return None
    return _Sealed(members["kid"], nonce, sealed)


def _context(table: str, field: str, record: int | str | None) -> bytes:
    if record is None or record == "" or "|" in f"{table}{record}":
        raise ValueError(f"a value of {table}.{field} is bound to its record: save the row first to get its id")
    return f"{table}|{field}|{record}".encode()


def _fail(reason: str, table: str, field: str, record: int | str) -> NoReturn:
    raise DecryptionFailed(
        _(
            "The secret value of {table}.{field} in record {record} cannot be read: {reason}. "
            "Enter the value again, or restore the database from a backup."
        ).format(table=table, field=field, record=record, reason=reason)
    ) from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
