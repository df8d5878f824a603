"""Czech and Slovak payment symbols: variable, constant and specific.

Banks carry them in two agreed shapes: as structured references `VS:123` (Czech Banking Association, standard of
the XML statement) and inside the end-to-end identification as `/VS123/SS456/KS0308` (SEPA practice).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_STRUCTURED = re.compile(r"(VS|KS|SS)\s*:\s*(\d{1,10})", re.ASCII | re.IGNORECASE)
_SLASHED = re.compile(r"/(VS|KS|SS):?(\d{1,10})(?!\d)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Symbols:
    """The three symbols as text, because leading zeros count; empty when a payment has none."""

    variable: str = ""
    constant: str = ""
    specific: str = ""


def is_symbol(reference: str) -> bool:
    """Whether a structured reference is one of the three symbols and not a creditor reference."""
    return _STRUCTURED.fullmatch(reference) is not None


def find_symbols(references: Iterable[str], texts: Iterable[str]) -> Symbols:
    """The symbols of a payment; structured references win over texts, and the first of its kind wins."""
    found: dict[str, str] = {}
    for reference in references:
        if match := _STRUCTURED.fullmatch(reference):
            found.setdefault(match[1].upper(), match[2])
    for text in texts:
        for kind, digits in _SLASHED.findall(text):
            found.setdefault(kind.upper(), digits)
    return Symbols(found.get("VS", ""), found.get("KS", ""), found.get("SS", ""))
