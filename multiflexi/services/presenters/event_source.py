"""Record type "event source"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import EventSource
from multiflexi.services.lists import same
from multiflexi.vault.secrecy import display

SORTABLE = same("id", "name", "adapter_type", "enabled", "poll_interval", created="created_at", modified="updated_at")
PLAIN = ("name", "adapter_type", "db_connection", "db_host", "db_port", "db_database", "db_username")


def row(source: EventSource) -> dict[str, Any]:
    return {
        "id": source.pk,
        **{name: getattr(source, name) for name in PLAIN},
        "db_password": display(source.db_password),
        "enabled": source.enabled,
        "last_processed_id": source.last_processed_id,
        "poll_interval": source.poll_interval,
        "created": source.created_at,
        "modified": source.updated_at,
        "company_id": source.company_id,
        "state": source.state,
        "last_error": source.last_error,
    }
