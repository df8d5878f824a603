"""Record type "credential prototype"."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.models import CredentialPrototype, CredentialPrototypeField
from multiflexi.services.lists import same

SORTABLE = same(
    "id", "uuid", "code", "name", "description", "version", "url", "homepage", "logo", "created_at", "updated_at"
)


def row(prototype: CredentialPrototype) -> dict[str, Any]:
    return {
        "id": prototype.pk,
        "uuid": str(prototype.uuid),
        "code": prototype.code,
        "name": prototype.name,
        "description": prototype.description,
        "version": prototype.version,
        "url": prototype.url,
        "homepage": prototype.homepage,
        "tags": ",".join(prototype.tags or []),
        "logo": prototype.logo,
        "created_at": prototype.created_at,
        "updated_at": prototype.updated_at,
    }


def with_fields(prototype: CredentialPrototype) -> dict[str, Any]:
    return {**row(prototype), "fields": [field(one) for one in prototype.fields.order_by("position", "id")]}


def field(one: CredentialPrototypeField) -> dict[str, Any]:
    return {
        "id": one.pk,
        "credential_prototype_id": one.credential_prototype_id,
        "keyword": one.keyword,
        "type": one.type,
        "name": one.name or one.keyword,
        "description": one.description,
        "hint": one.hint,
        "default_value": one.default_value or "",
        "required": one.required,
        "options": None if one.options is None else json.dumps(one.options),
    }
