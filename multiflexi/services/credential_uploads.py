"""Files as values of credentials: certificates, keys and the like, always sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils import timezone

from multiflexi.jobs import inputs
from multiflexi.models import CredentialValue, FieldType, FileStore
from multiflexi.services.credential_fields import Fields
from multiflexi.services.errors import invalid_field
from multiflexi.vault.errors import VaultError

LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """A file that a person gives; of its name only the last part counts."""

    file_name: str
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The name without anything before it."""
        return inputs.safe_name(self.file_name)

    @property
    def fingerprint(self) -> str:
        """What name and content are compared by."""
        return f"{self.name}:{hashlib.sha256(self.content).hexdigest()}"


Uploads = Mapping[str, Upload]


def check(kind_name: str, fields: Fields, uploads: Uploads) -> None:
    """Refuse files that no field takes, empty and large ones. Raises Invalid."""
    for name, upload in uploads.items():
        field_ = fields.get(name)
        if field_ is None:
            raise invalid_field(name, f"credential type {kind_name} has no such field.")
        if field_.type != FieldType.FILE_PATH:
            raise invalid_field(name, "it takes a value and no file.")
        if not upload.content:
            raise invalid_field(name, f"the file {upload.name} is empty.")
        if len(upload.content) > LARGEST:
            raise invalid_field(name, f"the file is larger than {LARGEST} bytes, which is the most it can have.")


def of(rows: Mapping[str, CredentialValue]) -> dict[str, FileStore]:
    """The uploads among these values by name, in one query."""
    names = {row.pk: name for name, row in rows.items()}
    return {names[one.credential_value_id or 0]: one for one in FileStore.objects.filter(credential_value__in=names)}


def known(row: FileStore) -> str:
    """What to compare a stored upload by; an unreadable one is like no other, so that it can be replaced."""
    try:
        return Upload(row.file_name, inputs.content(row)).fingerprint
    except (VaultError, ValueError):
        return f"{row.file_name}:"


def put(value: CredentialValue, upload: Upload) -> None:
    """Keep a file as the value of a field; call it in a transaction. Raises a VaultError."""
    row, _made = FileStore.objects.update_or_create(
        credential_value=value,
        defaults={"field": value.name, "file_name": upload.name, "secret": True, "created_at": timezone.now()},
    )
    row.size = len(upload.content)
    row.file_data = inputs.sealed_content(upload.content, row.pk, value.credential.company_id)
    row.save(update_fields=["size", "file_data"])


def drop(value: CredentialValue) -> None:
    """Keep no file of a field any more, because it has another value now."""
    FileStore.objects.filter(credential_value=value).delete()
