"""Checking the audit trail: every entry as it was written, none missing, none slipped in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from multiflexi.models import AuditEntry, AuditSeal, AuditUnsealed
from multiflexi.record.proof import verify_entry
from multiflexi.record.seals import BATCH, FIRST, fits


class Broken(NamedTuple):
    """An entry that is not as it was written, or at which the chain breaks, and in which way."""

    id: int
    reason: str


@dataclass
class Verified:
    """What a verification found; `unsealed` entries are committed and not chained yet, `seal` is the last link."""

    checked: int = 0
    unsealed: int = 0
    first: int | None = None
    last: int | None = None
    broken: list[Broken] = field(default_factory=list)
    seal: tuple[int, str] | None = None


class Verification:
    """One walk along the chain; entries are loaded link by link, however long the trail is."""

    def __init__(self, start: datetime | None, end: datetime | None, known: Mapping[int, str]) -> None:
        self.found = Verified()
        self._start, self._end, self._known = start, end, known

    def run(self) -> Verified:
        # The tail first: what is chained meanwhile is then met in the chain as well, never in neither.
        tail = list(AuditUnsealed.objects.order_by("pk").values_list("pk", flat=True))
        chained = self._chain()
        for begin in range(0, len(tail), BATCH):
            self._entries(tail[begin : begin + BATCH])
        self.found.unsealed = len(tail)
        self._refuse_others(chained, tail)
        self.found.broken.sort()
        return self.found

    def _chain(self) -> int:
        previous, chained, passed = FIRST, 0, set()
        for link in AuditSeal.objects.order_by("pk").iterator(chunk_size=20):
            if not fits(link, previous):
                self._broken(link.first_id, f"seal {link.pk} does not follow the one before")
            if self._known.get(link.pk, link.seal_hash) != link.seal_hash:
                self._broken(link.first_id, f"seal {link.pk} is not the one noted earlier")
            previous, chained = link.seal_hash, chained + len(link.entries)
            passed.add(link.pk)
            self.found.seal = (link.pk, link.seal_hash)
            # An entry is older than its seal.
            if self._start is None or link.created_at >= self._start:
                self._entries([int(number) for number, _code in link.entries], dict(link.entries))
        for number in sorted(self._known.keys() - passed):
            self._broken(0, f"seal {number}, noted earlier, is missing")
        return chained

    def _entries(self, ids: Iterable[int], codes: Mapping[int, str] | None = None) -> None:
        rows = AuditEntry.objects.in_bulk(list(ids))
        for number in ids:
            entry = rows.get(number)
            if entry is None:
                self._broken(number, "missing")
            elif self._asked_for(entry):
                self.found.checked += 1
                self.found.first = min(number, self.found.first or number)
                self.found.last = max(number, self.found.last or number)
                if not verify_entry(entry):
                    self._broken(number, "changed")
                elif codes and codes[number] != entry.mac:
                    self._broken(number, "replaced")

    def _refuse_others(self, chained: int, tail: list[int]) -> None:
        """Entries that are in no link and do not wait for one; looked for only where the numbers tell of them."""
        end = max([*tail, *AuditSeal.objects.order_by("-last_id").values_list("last_id", flat=True)[:1]], default=0)
        if AuditEntry.objects.filter(pk__lte=end).count() <= chained + len(tail):
            return
        known = set(tail)
        for entries in AuditSeal.objects.values_list("entries", flat=True).iterator(chunk_size=20):
            known.update(int(number) for number, _code in entries)
        ids = AuditEntry.objects.filter(pk__lte=end).order_by("pk").values_list("pk", flat=True)
        for number in ids.iterator(chunk_size=BATCH):
            if number not in known:
                self._broken(number, "never sealed")

    def _asked_for(self, entry: AuditEntry) -> bool:
        after = self._start is None or entry.created_at >= self._start
        return after and (self._end is None or entry.created_at < self._end)

    def _broken(self, number: int, reason: str) -> None:
        self.found.broken.append(Broken(number, reason))


def verify(
    start: datetime | None = None, end: datetime | None = None, known: Mapping[int, str] | None = None
) -> Verified:
    """Check codes and chain; entries from `start` to before `end`, links always all of them.

    `known` are hashes of seals noted earlier, by their ids. Raises VaultError when a key exists but cannot be used.
    """
    return Verification(start, end, known or {}).run()
