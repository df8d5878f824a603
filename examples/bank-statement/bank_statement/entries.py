"""One booking (Ntry) of a statement with its batches and transactions."""

from xml.etree.ElementTree import Element

from .amounts import signed
from .details import detail_of
from .model import Batch, Detail, Entry
from .outcome import Unreadable
from .parts import charges_of, code_of, foreign_of
from .xmlvalues import date_of, flag_of, money_of, number_of, signed_money_of, text_of


def entries_of(statement: Element) -> tuple[Entry, ...]:
    """All entries in file order; raises Unreadable naming the entry."""
    found = []
    for number, element in enumerate(statement.findall("Ntry"), start=1):
        try:
            found.append(_entry(number, element))
        except Unreadable as problem:
            raise Unreadable(problem.rule, f"entry {number}: {problem.text}") from None
    return tuple(found)


def _entry(number: int, element: Element) -> Entry:
    # CdtDbtInd is what the booking does to the account, for a reversal too: RvslInd marks it and turns nothing
    # around (ISO 20022: a reversal booked as CRDT undoes an earlier debit).
    amount, currency = signed_money_of(element)
    direction = text_of(element, "CdtDbtInd")
    reversal = flag_of(element, "RvslInd") or False
    details: list[Detail] = []
    batches: list[Batch] = []
    for block in element.findall("NtryDtls"):
        own = tuple(detail_of(part, currency, direction, reversal) for part in block.findall("TxDtls"))
        details.extend(own)
        if (batch := block.find("Btch")) is not None:
            batches.append(_batch(batch, own))
    return Entry(
        number=number,
        amount=amount,
        currency=currency,
        status=text_of(element, "Sts/Cd", "Sts/Prtry", "Sts"),
        reversal=reversal,
        booking_date=date_of(element, "BookgDt"),
        value_date=date_of(element, "ValDt"),
        code=code_of(element),
        reference=text_of(element, "AcctSvcrRef", "NtryRef"),
        information=text_of(element, "AddtlNtryInf"),
        foreign=foreign_of(element, currency),
        charges=charges_of(element),
        details=tuple(details),
        batches=tuple(batches),
    )


def _batch(element: Element, details: tuple[Detail, ...]) -> Batch:
    total, direction = None, text_of(element, "CdtDbtInd")
    if element.find("TtlAmt") is not None:
        total, _currency = money_of(element, "TtlAmt")
        total = signed(total, direction, "Btch") if direction else total
    return Batch(number_of(element, "NbOfTxs"), total, bool(direction), details)
