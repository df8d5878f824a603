"""The figures of a statement, added up from its entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from .model import Balance, Entry, Statement

# Entries that are announced but not booked; everything else changes the balance.
NOT_BOOKED = ("PDNG", "INFO", "FUTR")


@dataclass(frozen=True, slots=True)
class Sum:
    """A number of entries and the sum of their amounts; the sum of debits is positive."""

    count: int
    sum: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """Balances as stated and sums as counted; `computed` and `difference` are None without an opening balance."""

    opening: Balance | None
    closing: Balance | None
    credits: Sum
    debits: Sum
    reversed_credits: Sum
    reversed_debits: Sum
    pending: int
    transactions: int
    batches: int
    computed: Decimal | None
    difference: Decimal | None

    @property
    def net(self) -> Decimal:
        """Credits minus debits."""
        return self.credits.sum - self.debits.sum

    @property
    def booked(self) -> int:
        """Number of entries that changed the balance."""
        return self.credits.count + self.debits.count


def booked_entries(statement: Statement) -> list[Entry]:
    """The entries that change the balance: booked, and in the currency of the account."""
    return [e for e in statement.entries if e.status not in NOT_BOOKED and e.currency == statement.currency]


def figures_of(statement: Statement) -> Figures:
    """Adds up a statement; nothing is rounded."""
    booked = booked_entries(statement)
    opening, closing = opening_of(statement), closing_of(statement)
    zero = abs(opening.amount) * 0 if opening else Decimal(0)
    credits = _sum((e for e in booked if e.amount >= 0), zero)
    debits = _sum((e for e in booked if e.amount < 0), zero)
    computed = opening.amount + credits.sum - debits.sum if opening else None
    return Figures(
        opening=opening,
        closing=closing,
        credits=credits,
        debits=debits,
        reversed_credits=_sum((e for e in booked if e.reversal and e.amount >= 0), zero),
        reversed_debits=_sum((e for e in booked if e.reversal and e.amount < 0), zero),
        pending=sum(e.status in NOT_BOOKED for e in statement.entries),
        transactions=sum(e.transactions for e in booked),
        batches=sum(bool(e.batches) or len(e.details) > 1 for e in booked),
        computed=computed,
        difference=None if computed is None or closing is None else closing.amount - computed,
    )


def opening_of(statement: Statement) -> Balance | None:
    """OPBD; else PRCD, the closing balance of the period before; on a later page the first ITBD."""
    fallback = "ITBD" if (statement.page or 1) > 1 else "PRCD"
    return next(iter(_balances(statement, "OPBD") or _balances(statement, fallback)), None)


def closing_of(statement: Statement) -> Balance | None:
    """CLBD; on a page that is not the last one the last ITBD."""
    found = _balances(statement, "CLBD") or ([] if statement.last_page else _balances(statement, "ITBD"))
    return found[-1] if found else None


def _balances(statement: Statement, kind: str) -> list[Balance]:
    """Balances of one kind in the account currency, oldest first: statements of several days repeat them daily."""
    found = [b for b in statement.balances if b.kind == kind and b.currency == statement.currency]
    return sorted(found, key=lambda balance: balance.date)


def _sum(entries: Iterable[Entry], zero: Decimal) -> Sum:
    amounts = [abs(entry.amount) for entry in entries]
    return Sum(len(amounts), sum(amounts, zero))
