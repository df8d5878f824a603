"""The chain over the audit entries: whoever takes an entry away, or adds one, breaks it.

Its links are made with the data key `audit`, so that nobody computes them anew who has the database alone.

Writers never wait for it: they leave the ids of their entries in `audit_unsealed`, and a sealer links what it finds
committed. Within a link the entries stand in id order; between links the order is that of their commits.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from multiflexi.models import AuditSeal, AuditUnsealed
from multiflexi.vault import keyed

BATCH = 1000
FIRST = "0" * 64
_PURPOSE = "audit seal"
Entry = list[int | str]


def seal(most: int = 100 * BATCH) -> int:
    """Chain committed entries, a link for each batch; how many were chained.

    Any number of sealers may run at once: one of them carries the chain on, the others leave it to that one. Raises a
    VaultError when the audit key is not usable.
    """
    sealed = 0
    while sealed < most:
        number = _seal_batch()
        sealed += number
        if number < BATCH:
            break
    return sealed


def hash_of(previous: str, entries: Sequence[Entry]) -> str:
    """Keyed code of the hash of the link before and the ids and codes of the entries, in hexadecimal."""
    return keyed.code(keyed.current_key(), _PURPOSE, _text(previous, entries))


def fits(link: AuditSeal, previous: str) -> bool:
    """Whether the link was made after this hash and for these entries. Raises a VaultError."""
    made = keyed.codes(_PURPOSE, _text(previous, link.entries))
    return link.prev_hash == previous and any(hmac.compare_digest(code, link.seal_hash) for code in made)


def _text(previous: str, entries: Sequence[Entry]) -> str:
    return previous + json.dumps(entries, separators=(",", ":"))


def _seal_batch() -> int:
    waiting = AuditUnsealed.objects.order_by("pk")[:BATCH]
    entries: list[Entry] = [list(one) for one in waiting.values_list("audit_id", "audit__mac")]
    if not entries:
        return 0
    ids = [int(number) for number, _code in entries]
    try:
        with transaction.atomic():
            # Locked, lest sealers that insert behind the same link block each other, which MariaDB calls a deadlock.
            newest = AuditSeal.objects.select_for_update().order_by("-pk")
            last = newest.values_list("seal_hash", flat=True).first() or FIRST
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
