"""Record types "credential" and "credential assignment"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiflexi.models import Credential, FileStore, RunTemplateCredential, TypeValueKind
from multiflexi.services import credential_fields
from multiflexi.services.lists import same
from multiflexi.services.presenters.secrets import shown

SORTABLE = same("id", "name", "company_id", "credential_type_id", formType="credential_type__prototype")
ASSIGNMENT_SORTABLE = same("id", "runtemplate_id", credentials_id="credential_id")


def row(credential: Credential) -> dict[str, Any]:
    return {
        "id": credential.pk,
        "name": credential.name,
        "company_id": credential.company_id,
        "formType": credential.credential_type.prototype or None,
        "credential_type_id": credential.credential_type_id,
    }


def with_values(credential: Credential, revealed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Also one member per field, secrets as a mask unless they are among the revealed ones; a column's name stays the
    column's. `files` says of uploads what may be known."""
    record = row(credential)
    stored = {value.name: value for value in credential.values.all()}
    fixed = {value.name: value for value in credential.credential_type.values.filter(kind=TypeValueKind.FIXED)}
    for name, field in credential_fields.of_type(credential.credential_type).items():
        if field.internal or name in record:
            continue
        value = fixed.get(name) or stored.get(name)
        text = value.value if value else None
        secret = field.secret or bool(value and value.is_encrypted)
        record[name] = shown(text, secret=secret)
        if revealed and name in revealed and name not in fixed:
            record[name] = revealed[name]
    files = FileStore.objects.filter(credential_value__credential=credential).defer("file_data")
    return record | {
        "version": credential.version,
        "availability": credential.availability,
        "expires": {name: value.expires_at for name, value in stored.items() if value.expires_at},
        "files": {
            one.field: {"file_name": one.file_name, "size": one.size, "uploaded_at": one.created_at}
            for one in files.order_by("field")
        },
    }


def checked(credential: Credential) -> dict[str, Any]:
    """What the last check said."""
    return {
        "credential_id": credential.pk,
        "name": credential.name,
        "state": credential.availability,
        "message": credential.availability_message or "",
        "checked_at": credential.checked_at,
        "valid_until": credential.check_valid_until,
        "details": credential.availability_details or {},
    }


def assignment(link: RunTemplateCredential) -> dict[str, Any]:
    kind = link.credential.credential_type
    return {
        "id": link.pk,
        "runtemplate_id": link.runtemplate_id,
        "credentials_id": link.credential_id,
        "credential_name": link.credential.name,
        "credential_type_name": kind.name,
        "credential_prototype": kind.prototype,
        "credential_type_uuid": str(kind.uuid),
        "credential_type_logo": kind.logo or None,
    }
