"""Which addresses may connect, judged in memory: a list of the installation and lists of companies.

A list without entries admits everybody, one whose entries have all ended nobody. What was read is good for two
seconds, so a request costs no query; a change counts at once in the process that made it, elsewhere when that time is
over. While the database does not answer, the last list that was read counts on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from multiflexi.models import AllowedNetwork
from multiflexi.services.addresses import Ranges, parsed

log = logging.getLogger(__name__)
FRESH_SECONDS = 2.0

Row = tuple[int | None, str, datetime | None]


class Unknown(Exception):
    """No list has been read yet, and the database does not answer."""


class Lists:
    """All lists as they were read."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.changes = _changes
        by_owner: defaultdict[int | None, list[tuple[str, datetime | None]]] = defaultdict(list)
        for company_id, network, until in rows:
            by_owner[company_id].append((network, until))
        self.installation = Ranges(by_owner[None]) if None in by_owner else None
        self.companies = {owner: Ranges(entries) for owner, entries in by_owner.items() if owner is not None}
        self.read_at = time.monotonic()

    @property
    def outdated(self) -> bool:
        """Whether this process has changed them since."""
        return self.changes != _changes

    @property
    def fresh(self) -> bool:
        """Whether they can be relied on without another look."""
        return not self.outdated and time.monotonic() - self.read_at < FRESH_SECONDS


_known: Lists | None = None
_changes = 0
_reading = threading.Lock()


def admits(address: str) -> bool:
    """Whether a client of this address may connect. Raises Unknown.

    No address is exempt: behind a proxy that is not told to be one, everybody seems to come from the loopback.
    """
    listed = _lists().installation
    return listed is None or listed.has(parsed(address), timezone.now())


def closed_companies(address: str | None) -> frozenset[int]:
    """Companies that do not exist for a client of this address. Raises Unknown."""
    lists = _lists().companies
    if not lists:
        return frozenset()
    client, now = parsed(address), timezone.now()
    return frozenset(number for number, ranges in lists.items() if not ranges.has(client, now))


def remember(lists: Lists | None) -> None:
    """Answer by these until they are no longer fresh."""
    global _known  # noqa: PLW0603
    _known = lists


def note_change() -> None:
    """Read anew before the next answer; within a transaction once more after it."""
    _outdate()
    transaction.on_commit(_outdate)


def _outdate() -> None:
    global _changes  # noqa: PLW0603
    _changes += 1


def _lists() -> Lists:
    known = _known
    if known is not None and known.fresh:
        return known
    # One thread reads; the others answer by what is known, unless that was changed here.
    if known is not None and not known.outdated and _reading.locked():
        return known
    with _reading:
        return _known if _known is not None and _known.fresh else _read(_known)


def _read(known: Lists | None) -> Lists:
    try:
        rows = AllowedNetwork.objects.filter(active=True, user=None).values_list("company_id", "network", "expires_at")
        found = Lists(rows)
    except (DatabaseError, InterfaceError) as error:
        if known is None:
            raise Unknown from error
        log.warning("the list of allowed addresses cannot be read; the last one counts on")
        known.read_at = time.monotonic()
        return known
    remember(found)
    return found
