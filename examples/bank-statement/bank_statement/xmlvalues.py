"""Small values inside the elements of a statement."""

from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

from .amounts import amount_of, currency_of, signed
from .outcome import Unreadable

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def at(element: Element, path: str) -> Element | None:
    """The element at a path of plain names, always the first of its name; None when there is none.

    Step by step this stays in C code; path expressions would take most of the time of a long statement.
    """
    if "/" not in path:
        return element.find(path)
    found: Element | None = element
    for name in path.split("/"):
        if found is None:
            return None
        found = found.find(name)
    return found


def text_of(element: Element, *paths: str) -> str:
    """The first non-empty text at one of the paths, without surrounding blanks and without line breaks."""
    for path in paths:
        found = at(element, path)
        if found is not None and found.text and (text := one_line(found.text)):
            return text
    return ""


def one_line(text: str) -> str:
    """The text with line breaks and tabs as blanks, its ends trimmed."""
    if text.isprintable():  # As nearly all texts are: nothing to replace.
        return text.strip()
    return text.replace("\r", " ").replace("\n", " ").replace("\t", " ").strip()


def number_of(element: Element, path: str) -> int | None:
    """A count at the path, None when it is not there; raises Unreadable when it is no whole number."""
    text = text_of(element, path)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Unreadable("number", f"{path} is {text[:40]!r}, not a whole number")
    return int(text)


def flag_of(element: Element, path: str) -> bool | None:
    """An XML boolean at the path, None when it is not there; raises Unreadable for any other word."""
    text = text_of(element, path)
    if not text:
        return None
    if text not in _BOOLEANS:
        raise Unreadable("flag", f"{path} is {text[:40]!r}; it must be true or false")
    return _BOOLEANS[text]


def date_of(element: Element, path: str) -> str:
    """The day of a Dt or DtTm below the path (or of the text at it) as YYYY-MM-DD, empty when not stated.

    The day is taken as the bank wrote it; a time zone behind it never moves a booking to another day.
    """
    text = text_of(element, f"{path}/Dt", f"{path}/DtTm", path)
    if not text:
        return ""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise Unreadable("date", f"{path} is {text[:40]!r}, not a date such as 2026-01-31") from None


def money_of(element: Element, path: str) -> tuple[Decimal, str]:
    """The unsigned amount and its currency at a path that must be there."""
    found = at(element, path)
    if found is None:
        raise Unreadable("amount", f"{element.tag} has no {path}")
    return amount_of((found.text or "").strip(), path), currency_of(found.get("Ccy", ""), path)


def signed_money_of(element: Element) -> tuple[Decimal, str]:
    """The Amt of an element with the sign of its CdtDbtInd, and the currency."""
    value, currency = money_of(element, "Amt")
    return signed(value, text_of(element, "CdtDbtInd"), element.tag), currency
