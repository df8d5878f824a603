"""Parts that entries and their transactions have in common: charges, exchange, bank code."""

from decimal import Decimal
from xml.etree.ElementTree import Element

from .amounts import decimal_of, signed
from .model import Charge, Foreign
from .xmlvalues import at, flag_of, money_of, text_of

# In the order in which they say what the payer meant: instructed, underlying, counter value.
_AMOUNTS = ("InstdAmt", "TxAmt", "CntrValAmt")


def charges_of(element: Element) -> tuple[Charge, ...]:
    """All charges of an entry or transaction, in the shapes of version 02 (Chrgs) and of 04 and later (Rcrd)."""
    return tuple(_charge(record) for block in element.findall("Chrgs") for record in block.findall("Rcrd") or [block])


def _charge(record: Element) -> Charge:
    path = "Amt" if record.find("Amt") is not None else "TtlChrgsAndTaxAmt"
    value, currency = money_of(record, path)
    direction = text_of(record, "CdtDbtInd") or "DBIT"
    return Charge(signed(value, direction, "Chrgs"), currency, flag_of(record, "ChrgInclInd"))


def charges_in(charges: tuple[Charge, ...], currency: str) -> Decimal:
    """Sum of the charges in a currency that are, or may be, contained in the booked amount."""
    return sum((c.amount for c in charges if c.currency == currency and c.included is not False), Decimal(0))


def foreign_of(element: Element, currency: str) -> Foreign:
    """The original amount in another currency than the account's, with the first exchange rate that is stated."""
    details = element.find("AmtDtls")
    if details is None:
        return Foreign()
    rate = text_of(details, *(f"{name}/CcyXchg/XchgRate" for name in _AMOUNTS), "AnncdPstngAmt/CcyXchg/XchgRate")
    amount, original = _original(details, currency)
    return Foreign(amount, original, decimal_of(rate, "XchgRate") if rate else None)


def _original(details: Element, currency: str) -> tuple[Decimal | None, str]:
    for name in _AMOUNTS:
        if at(details, f"{name}/Amt") is not None:
            amount, found = money_of(details, f"{name}/Amt")
            if found != currency:
                return amount, found
    return None, ""


def code_of(element: Element) -> str:
    """The bank transaction code, as PMNT-RCDT-ESCT or in the bank's own terms."""
    domain = text_of(element, "BkTxCd/Domn/Cd")
    if domain:
        family = text_of(element, "BkTxCd/Domn/Fmly/Cd")
        return f"{domain}-{family}-{text_of(element, 'BkTxCd/Domn/Fmly/SubFmlyCd')}"
    return text_of(element, "BkTxCd/Prtry/Cd")
