"""Goes over everything that is sealed: counts it, opens it, or seals it again with the newest keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import OperationalError, transaction

from multiflexi.vault import envelope, keyring
from multiflexi.vault.errors import DecryptionFailed, KeyMissing
from multiflexi.vault.places import PLACES, Stored, walk

BATCH = 500
Progress = Callable[[int], None]
Renewed = tuple[Stored, dict[str, str]]


class Unreadable(NamedTuple):
    """An envelope that does not open; never with its content."""

    table: str
    id: int
    field: str


@dataclass
class Found:
    """What a walk over all places found.

    `values` counts envelopes by key id and table, as the walk leaves them; `moved` those sealed again, by their new
    key; `unreadable` lists what does not open, `broken` counts it by key; `overtaken` counts rows that somebody else
    wrote meanwhile.
    """

    values: Counter[tuple[int, str]] = field(default_factory=Counter)
    moved: Counter[int] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)
    broken: Counter[int] = field(default_factory=Counter)
    overtaken: int = 0

    @property
    def checked(self) -> int:
        return sum(self.values.values())

    def of_key(self, key_id: int) -> int:
        """How many envelopes a key has sealed."""
        return sum(number for (found, _table), number in self.values.items() if found == key_id)

    def tables_of(self, key_id: int) -> dict[str, int]:
        return {table: number for (found, table), number in sorted(self.values.items()) if found == key_id}

    def count(self, stored: Stored, text: str) -> None:
        self.values[envelope.key_id_of(text) or 0, stored.place.table] += 1


def usage() -> Found:
    """Count all envelopes; opens none."""
    found = Found()
    for place in PLACES:
        for batch in walk(place, BATCH):
            for stored in batch:
                for _field, text in stored.envelopes():
                    found.count(stored, text)
    return found


def verify(limit: int = 0, progress: Progress | None = None) -> Found:
    """Open every envelope, or the first `limit` ones. Raises MasterKeyMissing and MasterKeyWrong."""
    found = Found()
    for place in PLACES:
        for batch in walk(place, BATCH):
            for stored in batch:
                for name, text in stored.envelopes():
                    if limit and found.checked >= limit:
                        return found
                    found.count(stored, text)
                    _opened(found, stored, name, text)
            if progress:
                progress(found.checked)
    return found


def reseal(batch_size: int = BATCH, progress: Progress | None = None) -> Found:
    """Seal with its newest key everything that is not; each batch is one transaction, and may be the last one.

    A row that somebody else writes meanwhile is left to them. Raises MasterKeyMissing and MasterKeyWrong.
    """
    found = Found()
    for place in PLACES:
        for batch in walk(place, batch_size):
            renewed = [(stored, envelopes) for stored in batch if (envelopes := _renewed(found, stored))]
            for (stored, envelopes), is_written in zip(renewed, _written(renewed), strict=True):
                _count_written(found, stored, envelopes, is_written)
            if progress:
                progress(found.checked)
    return found


def _renewed(found: Found, stored: Stored) -> dict[str, str]:
    """New envelopes of a row by field; what needs none is counted."""
    renewed: dict[str, str] = {}
    for name, text in stored.envelopes():
        plain = _opened(found, stored, name, text)
        key_id = envelope.key_id_of(text)
        if plain is None or key_id is None:
            found.count(stored, text)
            continue
        key = keyring.current(keyring.by_id(key_id).name, stored.company_id)
        if key.id == key_id and stored.key_id in (None, key_id):
            found.count(stored, text)
            continue
        table = stored.place.table
        renewed[name] = envelope.seal(
            plain, key=key.name, table=table, field=name, record=stored.record, company_id=stored.company_id
        )
    return renewed


def _written(renewed: Sequence[Renewed]) -> list[bool]:
    """Write a batch, and say of each row whether it was as it had been read."""
    try:
        with transaction.atomic():
            return [_replace(*one) for one in renewed]
    except OperationalError:
        # Somebody else holds some of the rows and waits for others of them: one lock at a time stands in nobody's way.
        return [_replace(*one) for one in renewed]


def _replace(stored: Stored, envelopes: dict[str, str]) -> bool:
    return stored.replace(envelopes, envelope.key_id_of(next(iter(envelopes.values()))) or 0)


def _count_written(found: Found, stored: Stored, envelopes: dict[str, str], is_written: bool) -> None:
    if not is_written:
        found.overtaken += 1
        return
    found.moved.update(envelope.key_id_of(text) or 0 for text in envelopes.values())
    for text in envelopes.values():
        found.count(stored, text)


def _opened(found: Found, stored: Stored, name: str, text: str) -> str | None:
    try:
        return envelope.open_sealed(text, table=stored.place.table, field=name, record=stored.record)
    except (DecryptionFailed, KeyMissing):
        found.unreadable.append(Unreadable(stored.place.table, stored.record, name))
        found.broken[envelope.key_id_of(text) or 0] += 1
        return None
