"""International bank account numbers: ISO 13616 shape and the check digits of ISO 7064 (mod 97-10)."""

import re

_SHAPE = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)

# Lengths of the SEPA countries, from the IBAN registry; other countries are judged by their check digits alone.
_LENGTHS = {
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}  # fmt: skip


def compact(text: str) -> str:
    """The IBAN as machines write it: no spaces, capital letters."""
    return "".join(text.split()).upper()


def fault(iban: str) -> str:
    """Why a compact IBAN cannot be right, or an empty text when nothing speaks against it."""
    if not _SHAPE.fullmatch(iban):
        return "an IBAN is two letters, two check digits and 11 to 30 letters or digits"
    expected = _LENGTHS.get(iban[:2])
    if expected and len(iban) != expected:
        return f"it has {len(iban)} characters, {iban[:2]} numbers have {expected}"
    if _remainder(iban[4:] + iban[:4]) != 1:
        return "its check digits do not match (mod 97)"
    return ""


def _remainder(text: str) -> int:
    """Remainder modulo 97 of the text read as a number, letters counting from A = 10."""
    return int("".join(str(int(character, 36)) for character in text)) % 97
