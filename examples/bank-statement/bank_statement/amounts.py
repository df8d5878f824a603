"""Money as exact decimals: read, signed and printed without ever being rounded."""

import re
from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, Rounded

from .outcome import Unreadable

# ISO 20022 allows 18 digits, so sixty are beyond any sum of them; should one ever not fit, the
# context raises instead of rounding a cent away.
EXACT = Context(prec=60, traps=[Clamped, DivisionByZero, Inexact, InvalidOperation, Overflow, Rounded])

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_DIGITS = 18
_MAX_CHARACTERS = 40
_SIGNS = {"CRDT": 1, "DBIT": -1}


def decimal_of(text: str, name: str) -> Decimal:
    """The exact value of an XML decimal of at most 18 digits; raises Unreadable naming the element."""
    if len(text) > _MAX_CHARACTERS or not _DECIMAL.fullmatch(text):
        raise Unreadable("amount", f"{name} is {text[:_MAX_CHARACTERS]!r}, not a decimal number such as 1250.00")
    whole, _, fraction = text.lstrip("+-").partition(".")
    if len(whole.lstrip("0")) + len(fraction.rstrip("0")) > _MAX_DIGITS:
        raise Unreadable("amount", f"{name} is {text}; ISO 20022 allows at most {_MAX_DIGITS} digits")
    return Decimal(text)


def amount_of(text: str, name: str) -> Decimal:
    """Like `decimal_of`, but never negative: in CAMT the direction stands in CdtDbtInd, not in the amount."""
    value = decimal_of(text, name)
    if value < 0:
        raise Unreadable("amount", f"{name} is {text}; an amount has no sign, its direction belongs into CdtDbtInd")
    return value


def signed(value: Decimal, indicator: str, name: str) -> Decimal:
    """Positive for CRDT, negative for DBIT; raises Unreadable for any other indicator."""
    if indicator not in _SIGNS:
        raise Unreadable("direction", f"CdtDbtInd of {name} is {indicator!r}; it must be CRDT or DBIT")
    # Zero keeps its plain form: "-0.00" would be a new value in the table.
    return -value if _SIGNS[indicator] < 0 and value else value


def currency_of(text: str, name: str) -> str:
    """The three capital letters of a currency; raises Unreadable for anything else."""
    if not _CURRENCY.fullmatch(text):
        raise Unreadable("currency", f"{name} has the currency {text!r}; three capital letters are expected")
    return text


def plain(value: Decimal, separator: str = ".") -> str:
    """The value with exactly the decimals it was stated with, never in exponent form."""
    return format(value, "f").replace(".", separator)
