"""What has to be delivered after a commit; each delivery has a key, and is added once however often it is asked for."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from multiflexi.models import Outbox, OutboxKind
from multiflexi.record.plain import plain

_KEY_LENGTH = 190


def key(*parts: object) -> str:
    """An idempotency key such as `<instance>:<job>:<action>:<position>`; a long one ends in its SHA-256."""
    text = ":".join(map(str, parts))
    if len(text) <= _KEY_LENGTH:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: _KEY_LENGTH - 1 - len(digest)]}:{digest}"


def row(
    kind: str,
    idempotency_key: str,
    payload: Mapping[str, Any],
    *,
    job_id: int | None = None,
    company_id: int | None = None,
    available_at: datetime | None = None,
) -> Outbox:
    """An unsaved delivery, not to be made before `available_at` (default: now).

    The payload is masked by the caller. Raises ValueError for an unknown kind or a key longer than 190 characters.
    """
    if len(idempotency_key) > _KEY_LENGTH:
        raise ValueError(f"the idempotency key has more than {_KEY_LENGTH} characters: build it with outbox.key")
    now = timezone.now()
    return Outbox(
        kind=OutboxKind(kind).value,
        idempotency_key=idempotency_key,
        payload=plain(payload),
        job_id=job_id,
        company_id=company_id,
        created_at=now,
        available_at=available_at or now,
    )


def add(rows: Iterable[Outbox]) -> None:
    """Insert deliveries in the caller's transaction with one INSERT; those whose key is there already are left out."""
    Outbox.objects.bulk_create(rows, ignore_conflicts=True)
