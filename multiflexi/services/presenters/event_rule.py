"""Record type "event rule"."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.models import EventRule
from multiflexi.services.lists import same

SORTABLE = same(
    "id",
    "event_source_id",
    "runtemplate_id",
    "runtemplate_source_id",
    "evidence",
    "operation",
    "priority",
    "enabled",
    created="created_at",
    modified="updated_at",
)


def row(rule: EventRule) -> dict[str, Any]:
    """`env_mapping` and `condition` are JSON as text, which old clients decode themselves."""
    return {
        "id": rule.pk,
        "event_source_id": rule.event_source_id,
        "runtemplate_source_id": rule.runtemplate_source_id,
        "evidence": rule.evidence,
        "operation": rule.operation,
        "runtemplate_id": rule.runtemplate_id,
        "env_mapping": _text(rule.env_mapping),
        "enabled": rule.enabled,
        "priority": rule.priority,
        "created": rule.created_at,
        "modified": rule.updated_at,
        "condition": _text(rule.conditions),
        "name": rule.name,
    }


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
