"""The table of transactions: what one booking looks like as rows.

The rows of an entry always add up to the booked amount, so the booked rows of a statement add up to its net.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal

from .batches import is_divisible, remainder
from .model import Charge, Detail, Entry, Foreign, Statement


@dataclass(frozen=True, slots=True)
class Row:
    """One line of transactions.csv; the field names are the header, their order is part of the interface."""

    file: str
    statement: str
    account: str
    booking_date: str
    value_date: str
    amount: Decimal
    currency: str
    status: str
    kind: str
    reversal: str
    entry: int
    detail: int | None
    counterparty_name: str
    counterparty_account: str
    counterparty_bank: str
    variable_symbol: str
    constant_symbol: str
    specific_symbol: str
    end_to_end_id: str
    creditor_reference: str
    message: str
    original_amount: Decimal | None
    original_currency: str
    exchange_rate: Decimal | None
    charges: Decimal | None
    charges_currency: str
    transaction_code: str
    bank_reference: str


HEADER = tuple(field.name for field in fields(Row))

_NOTHING = Detail(None, False, "", "", "", "", "", "", "", "", "", Foreign(), (), "", "")


def rows_of(statement: Statement) -> Iterator[Row]:
    """All rows of a statement in the order of the file, announced entries included with their status."""
    for entry in statement.entries:
        if is_divisible(entry):
            for number, detail in enumerate(entry.details, start=1):
                amount = detail.amount or Decimal(0)
                yield _row(statement, entry, "detail", detail, number=number, amount=amount, charges=detail.charges)
            if rest := remainder(entry):
                yield _row(statement, entry, "charges", _NOTHING, amount=rest, charges=entry.charges)
        else:
            detail = entry.details[0] if len(entry.details) == 1 else _NOTHING
            charges = detail.charges or entry.charges
            yield _row(statement, entry, "entry", detail, amount=entry.amount, charges=charges)


def _row(
    statement: Statement,
    entry: Entry,
    kind: str,
    detail: Detail,
    *,
    number: int | None = None,
    amount: Decimal,
    charges: tuple[Charge, ...],
) -> Row:
    # The exchange of a whole booking does not belong to one of its parts.
    foreign = entry.foreign if detail.foreign == Foreign() and kind == "entry" else detail.foreign
    charged, charges_currency = _total(charges, entry.currency)
    return Row(
        file=statement.file,
        statement=statement.identifier,
        account=statement.account,
        booking_date=entry.booking_date,
        value_date=entry.value_date,
        amount=amount,
        currency=entry.currency,
        status=entry.status,
        kind=kind,
        reversal="true" if entry.reversal else "false",
        entry=entry.number,
        detail=number,
        counterparty_name=detail.name,
        counterparty_account=detail.account,
        counterparty_bank=detail.bank,
        variable_symbol=detail.variable_symbol,
        constant_symbol=detail.constant_symbol,
        specific_symbol=detail.specific_symbol,
        end_to_end_id=detail.end_to_end_id,
        creditor_reference=detail.creditor_reference,
        message=detail.message or entry.information,
        original_amount=-foreign.amount if foreign.amount and amount < 0 else foreign.amount,
        original_currency=foreign.currency,
        exchange_rate=foreign.rate,
        charges=charged,
        charges_currency=charges_currency,
        transaction_code=detail.code or entry.code,
        bank_reference=detail.reference or entry.reference,
    )


def _total(charges: tuple[Charge, ...], currency: str) -> tuple[Decimal | None, str]:
    """Sum of the charges in the account currency, or in the first one named when none is in it."""
    if not charges:
        return None, ""
    named = currency if any(charge.currency == currency for charge in charges) else charges[0].currency
    return sum((charge.amount for charge in charges if charge.currency == named), Decimal(0)), named
