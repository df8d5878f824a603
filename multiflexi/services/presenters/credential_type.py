"""Record type "credential type"."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.models import CredentialType, CredentialTypeValue
from multiflexi.services import credential_fields
from multiflexi.services.credential_fields import KnownField
from multiflexi.services.lists import same
from multiflexi.services.presenters.secrets import shown

SORTABLE = same(
    "id",
    "name",
    "url",
    "logo",
    "uuid",
    "prototype",
    "company_id",
    "version",
    "gate_on_degraded",
    **{"class": "prototype", "version_text": "version"},
)


def row(kind: CredentialType) -> dict[str, Any]:
    whole = kind.version.partition(".")[0]
    return {
        "id": kind.pk,
        "name": kind.name,
        "url": kind.url,
        "logo": kind.logo,
        "uuid": str(kind.uuid),
        "prototype": kind.prototype,
        "company_id": kind.company_id,
        "version": int(whole) if whole.isascii() and whole.isdigit() else 0,
        "version_text": kind.version,
        "class": kind.prototype,
        "gate_on_degraded": kind.gate_on_degraded,
    }


def with_fields(kind: CredentialType) -> dict[str, Any]:
    """Also its fields, with what the type sets for them; secrets as a mask."""
    stored = {value.name: value for value in kind.values.all()}
    fields = credential_fields.with_switches(credential_fields.of_type(kind), stored)
    return {**row(kind), "fields": [_field(one, stored.get(one.keyname)) for one in fields.values()]}


def _field(field: KnownField, value: CredentialTypeValue | None) -> dict[str, Any]:
    return {
        "keyword": field.keyname,
        "type": field.type,
        "name": field.name or field.keyname,
        "description": field.description,
        "required": field.required,
        "secret": field.secret,
        "expiring": field.expiring,
        "internal": field.internal,
        "options": None if field.options is None else json.dumps(field.options),
        "kind": value.kind if value else None,
        "value": shown(value.value if value else None, secret=field.secret or bool(value and value.is_encrypted)),
    }
