"""The checks of one statement; each finding is a rule name and a sentence with the figures."""

from collections.abc import Iterator
from decimal import Decimal

from . import iban
from .amounts import plain
from .batches import Finding, check_entry
from .figures import NOT_BOOKED, Figures, booked_entries
from .model import Statement, Total

_STATUSES = ("BOOK", *NOT_BOOKED)


def check_statement(statement: Statement, figures: Figures) -> Iterator[Finding]:
    """Everything that can be said against one statement taken by itself."""
    if statement.has_iban and (fault := iban.fault(statement.account)):
        yield "iban", f"account {statement.account}: {fault}"
    yield from _check_currencies(statement)
    yield from _check_statuses(statement)
    yield from _check_balances(figures)
    yield from _check_previous(statement, figures)
    for entry in statement.entries:
        yield from check_entry(entry)
    yield from _check_summary(statement, figures)


def _check_currencies(statement: Statement) -> Iterator[Finding]:
    account = statement.currency
    for balance in statement.balances:
        if balance.currency != account:
            yield (
                "currency",
                f"balance {balance.kind} is in {balance.currency}, the account in {account}; not used",
            )
    for entry in statement.entries:
        if entry.currency != account:
            yield (
                "currency",
                f"entry {entry.number} is in {entry.currency}, the account in {account}; not added up",
            )


def _check_statuses(statement: Statement) -> Iterator[Finding]:
    for entry in statement.entries:
        if entry.status not in _STATUSES:
            yield "status", f"entry {entry.number} has the status {entry.status!r}; it is taken as booked (BOOK)"


def _check_balances(figures: Figures) -> Iterator[Finding]:
    if figures.opening is None:
        yield "opening-balance", "there is no opening balance (OPBD or PRCD), so the balance cannot be proven"
    if figures.closing is None:
        yield "closing-balance", "there is no closing balance (CLBD), so the balance cannot be proven"
    if figures.opening and figures.closing and figures.computed is not None and figures.difference:
        yield (
            "balance",
            (
                f"opening {plain(figures.opening.amount)} + credits {plain(figures.credits.sum)} "
                f"- debits {plain(figures.debits.sum)} = {plain(figures.computed)}, but the statement closes with "
                f"{plain(figures.closing.amount)} (difference {plain(figures.difference)})"
            ),
        )


def _check_previous(statement: Statement, figures: Figures) -> Iterator[Finding]:
    """A stated closing balance of the period before must be the one this period opens with."""
    previous = [b for b in statement.balances if b.kind == "PRCD" and b.currency == statement.currency]
    if previous and figures.opening and figures.opening.kind == "OPBD":
        oldest = min(previous, key=lambda balance: balance.date)
        if oldest.amount != figures.opening.amount:
            yield (
                "previous-balance",
                (
                    f"the period before closed with {plain(oldest.amount)} (PRCD), "
                    f"this one opens with {plain(figures.opening.amount)} (OPBD)"
                ),
            )


def _check_summary(statement: Statement, figures: Figures) -> Iterator[Finding]:
    """The bank's own totals against ours; those of a single page speak of the whole statement and are left alone."""
    summary = statement.summary
    if summary is None or statement.is_part:
        return
    amounts = [entry.amount for entry in booked_entries(statement)]
    yield from _check_total("entries", summary.entries, amounts)
    yield from _check_total("credits", summary.credits, [amount for amount in amounts if amount >= 0])
    yield from _check_total("debits", summary.debits, [amount for amount in amounts if amount < 0])
    if summary.net is not None:
        net = figures.net if summary.net_signed else abs(figures.net)
        if net != (summary.net if summary.net_signed else abs(summary.net)):
            yield (
                "summary-net",
                f"the bank's summary says net {plain(summary.net)}, the entries make {plain(net)}",
            )


def _check_total(name: str, stated: Total, amounts: list[Decimal]) -> Iterator[Finding]:
    if stated.count is not None and stated.count != len(amounts):
        yield "summary-count", f"the bank's summary counts {stated.count} {name}, {len(amounts)} are booked"
    # Some banks state the sum of debits with a minus sign; direction is not what this check is about.
    found = sum((abs(amount) for amount in amounts), Decimal(0))
    if stated.sum is not None and abs(stated.sum) != found:
        yield "summary-sum", f"the bank's summary of {name} is {plain(stated.sum)}, the booked ones make {plain(found)}"
