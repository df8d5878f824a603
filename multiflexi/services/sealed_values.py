"""Stored values of credentials and credential types: secret ones are envelopes, bound to their row."""

from __future__ import annotations

from multiflexi.models import CredentialTypeValue, CredentialValue
from multiflexi.vault import envelope
from multiflexi.vault.errors import VaultError
from multiflexi.vault.keyring import CREDENTIALS

COLUMN = "value"

Row = CredentialValue | CredentialTypeValue


def put(row: Row, text: str, *, secret: bool, company_id: int | None) -> list[str]:
    """Set the value of a row that has its id and return the columns to save. Raises a VaultError."""
    columns = [COLUMN, "is_encrypted"]
    row.is_encrypted = secret and text != ""
    row.value = _sealed(row, text, company_id) if row.is_encrypted else text
    if isinstance(row, CredentialValue):
        row.key_id = envelope.key_id_of(row.value) if row.is_encrypted else None
        columns.append("key")
    return columns


def opened(row: Row) -> str | None:
    """The plain text; None when there is none. Raises DecryptionFailed and the other errors of the vault."""
    if not row.value or not row.is_encrypted:
        return row.value
    return envelope.open_sealed(row.value, table=row._meta.db_table, field=COLUMN, record=row.pk)


def known(row: Row) -> str | None:
    """As `opened`; an unreadable value counts as none, so that it can be replaced."""
    try:
        return opened(row)
    except VaultError:
        return None


def _sealed(row: Row, text: str, company_id: int | None) -> str:
    return envelope.seal(
        text, key=CREDENTIALS, table=row._meta.db_table, field=COLUMN, record=row.pk, company_id=company_id
    )
