"""Codes of credential prototypes in the spellings that application definitions use (apps.requirements)."""

from __future__ import annotations

ALIASES = {
    "mserver": "MServer",
    "pohoda": "MServer",
    "pohodamserver": "MServer",
    "sql": "SQLServer",
    "mssql": "SQLServer",
    "smtp": "Mail",
    "mailer": "Mail",
    "microsoft365": "Office365",
    "sharepoint": "Office365",
    "csas": "Csas",
    "ceskasporitelna": "Csas",
    "rb": "RaiffeisenBank",
    "raiffeisen": "RaiffeisenBank",
    "database": "DatabaseConnection",
    "pdo": "DatabaseConnection",
}


def canonical(code: str) -> str:
    """The prototype code that a requirement means; a code without alias stays as it is written."""
    return ALIASES.get(code.strip().lower(), code.strip())


def matches(requirement: str, code: str) -> bool:
    """Whether a requirement is met by the prototype with this code, whatever the case of the letters."""
    return canonical(requirement).casefold() == canonical(code).casefold()
