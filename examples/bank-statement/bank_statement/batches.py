"""Whether the transactions of an entry add up to what was booked."""

from collections.abc import Iterator
from decimal import Decimal

from .amounts import plain
from .model import Batch, Entry
from .parts import charges_in

Finding = tuple[str, str]


def remainder(entry: Entry) -> Decimal | None:
    """Booked amount minus its transactions; None when not every transaction states an amount in that currency."""
    amounts = [detail.amount for detail in entry.details if detail.amount is not None]
    return entry.amount - sum(amounts, Decimal(0)) if len(amounts) == len(entry.details) else None


def is_explained(entry: Entry, difference: Decimal) -> bool:
    """Whether a remainder is nothing, or exactly the charges the bank says it kept back."""
    return not difference or difference == contained_charges(entry)


def contained_charges(entry: Entry) -> Decimal:
    """Charges of the transactions, else of the entry: banks repeat the former in the latter."""
    own = tuple(charge for detail in entry.details for charge in detail.charges)
    return charges_in(own or entry.charges, entry.currency)


def is_divisible(entry: Entry) -> bool:
    """Whether the entry can be shown transaction by transaction without losing or adding a cent."""
    if len(entry.details) < 2:
        return False
    difference = remainder(entry)
    return difference is not None and is_explained(entry, difference)


def check_entry(entry: Entry) -> Iterator[Finding]:
    """Findings about batches and transactions of one entry, as (rule, sentence)."""
    for batch in entry.batches:
        yield from _check_batch(entry, batch)
    difference = remainder(entry)
    several = len(entry.details) > 1
    if difference is None:
        if several:
            yield (
                "details-amount",
                (f"entry {entry.number}: not every transaction has an amount in {entry.currency}; it is kept whole"),
            )
    elif (several or any(detail.net for detail in entry.details)) and not is_explained(entry, difference):
        yield (
            "details-sum",
            (
                f"entry {entry.number}: booked {plain(entry.amount)}, but its {len(entry.details)} transactions "
                f"add up to {plain(entry.amount - difference)} (difference {plain(difference)}); it is kept whole"
            ),
        )


def _check_batch(entry: Entry, batch: Batch) -> Iterator[Finding]:
    if batch.details and batch.count is not None and batch.count != len(batch.details):
        yield (
            "batch-count",
            (f"entry {entry.number}: the batch announces {batch.count} transactions, {len(batch.details)} are there"),
        )
    stated, actual = batch.total, _actual(entry, batch)
    if stated is None or actual is None:
        return
    found = actual if batch.total_signed else abs(actual)
    if stated != found and not (not batch.details and is_explained(entry, entry.amount - stated)):
        yield (
            "batch-total",
            (f"entry {entry.number}: the batch announces {plain(stated)} in all, its transactions make {plain(found)}"),
        )


def _actual(entry: Entry, batch: Batch) -> Decimal | None:
    """What the batch total is measured by: its transactions, or the entry itself when it is the only batch."""
    if not batch.details:
        return entry.amount if len(entry.batches) == 1 and not entry.details else None
    amounts = [detail.amount for detail in batch.details if detail.amount is not None]
    return sum(amounts, Decimal(0)) if len(amounts) == len(batch.details) else None
