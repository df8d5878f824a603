"""The chain over the audit entries: whoever takes an entry away, or adds one, breaks it.

Writers never wait for it: they leave the ids of their entries in `audit_unsealed`, and a sealer links what it finds
committed. Within a link the entries stand in id order; between links the order is that of their commits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from multiflexi.models import AuditSeal, AuditUnsealed

BATCH = 1000
FIRST = "0" * 64
Entry = list[int | str]


def seal(most: int = 100 * BATCH) -> int:
    """Chain committed entries, a link for each batch; how many were chained.

    Any number of sealers may run at once: one of them carries the chain on, the others leave it to that one.
    """
    sealed = 0
    while sealed < most:
        number = _seal_batch()
        sealed += number
        if number < BATCH:
            break
    return sealed


def hash_of(previous: str, entries: Sequence[Entry]) -> str:
    """SHA-256 over the hash of the link before and the ids and codes of the entries, in hexadecimal."""
    text = json.dumps(entries, separators=(",", ":"))
    return hashlib.sha256(f"{previous}{text}".encode()).hexdigest()


def _seal_batch() -> int:
    waiting = AuditUnsealed.objects.order_by("pk")[:BATCH]
    entries: list[Entry] = [list(one) for one in waiting.values_list("audit_id", "audit__mac")]
    if not entries:
        return 0
    ids = [int(number) for number, _code in entries]
    try:
        with transaction.atomic():
            last = AuditSeal.objects.order_by("-pk").values_list("seal_hash", flat=True).first() or FIRST
            AuditSeal.objects.create(
                entries=entries, first_id=ids[0], last_id=ids[-1], prev_hash=last, seal_hash=hash_of(last, entries)
            )
            removed, _ = AuditUnsealed.objects.filter(pk__in=ids).delete()
            if removed != len(ids):
                raise _SomebodyElse
    except (IntegrityError, _SomebodyElse):
        return 0
    return len(entries)


class _SomebodyElse(Exception):
    """Another sealer took some of the entries first."""
