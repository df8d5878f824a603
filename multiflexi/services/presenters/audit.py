"""Record type "audit entry"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import AuditEntry
from multiflexi.services.lists import same

SORTABLE = same(
    "id",
    "created_at",
    "user_id",
    "origin",
    "company_id",
    "entity_type",
    "entity_id",
    "action",
    "event_type",
    "severity",
    "outcome",
)
OTHERS = ("event_description", "changes", "additional_data", "real_user_id", "token_id", "request_id")
TRACES = ("ip_address", "user_agent")
MEMBERS = (*SORTABLE, *OTHERS, *TRACES)


def row(entry: AuditEntry, *, traces: bool = True) -> dict[str, Any]:
    """Where a request came from is for administrators (`traces`)."""
    return {name: getattr(entry, name) for name in MEMBERS if traces or name not in TRACES}
