"""A CAMT.053 file and its statements."""

from pathlib import Path
from xml.etree.ElementTree import Element

from .amounts import currency_of, decimal_of, signed
from .entries import entries_of
from .iban import compact
from .model import Balance, Entry, Statement, Summary, Total
from .outcome import Unreadable
from .xmlfile import NAMESPACE, read_root
from .xmlvalues import date_of, flag_of, number_of, signed_money_of, text_of

NAMESPACE_START = "urn:iso:std:iso:20022:tech:xsd:"
VERSIONS = tuple(f"camt.053.001.{number:02d}" for number in range(2, 14))


def read_file(path: Path, name: str) -> list[Statement]:
    """All statements of a file in their order; raises Unreadable, then nothing of the file may be used."""
    root = read_root(path)
    documents = [element for element in root.iter("Document") if element.get(NAMESPACE, "").startswith(NAMESPACE_START)]
    if not documents:
        raise Unreadable("version", f"its root element <{root.tag[:40]}> holds no ISO 20022 Document")
    return [statement for document in documents for statement in _statements(document, name)]


def _statements(document: Element, name: str) -> list[Statement]:
    version = document.get(NAMESPACE, "").removeprefix(NAMESPACE_START)
    if version not in VERSIONS:
        raise Unreadable("version", f"it is a {version[:40]!r}; {VERSIONS[0]} to {VERSIONS[-1]} can be read")
    message = document.find("BkToCstmrStmt")
    found = [] if message is None else message.findall("Stmt")
    if message is None or not found:
        raise Unreadable("structure", "it holds no statement (BkToCstmrStmt/Stmt)")
    return [_located(element, message, version, name) for element in found]


def _located(element: Element, message: Element, version: str, name: str) -> Statement:
    identifier = text_of(element, "Id")
    try:
        return _statement(element, message, version, name)
    except Unreadable as problem:
        raise Unreadable(problem.rule, f"statement {identifier or '(no Id)'}: {problem.text}") from None


def _statement(element: Element, message: Element, version: str, name: str) -> Statement:
    iban = compact(text_of(element, "Acct/Id/IBAN"))
    account = iban or text_of(element, "Acct/Id/Othr/Id")
    if not account:
        raise Unreadable("structure", "it names no account (Acct/Id)")
    balances = tuple(_balance(part) for part in element.findall("Bal"))
    entries = entries_of(element)
    # Version 08 numbers the pages of a statement, older ones those of the message that carries it.
    paged = element if element.find("StmtPgntn") is not None else message.find("GrpHdr")
    pages = "StmtPgntn" if paged is element else "MsgPgntn"
    last = flag_of(paged, f"{pages}/LastPgInd") if paged is not None else None
    sequence = number_of(element, "ElctrncSeqNb")
    return Statement(
        file=name,
        identifier=text_of(element, "Id"),
        version=version,
        account=account,
        has_iban=bool(iban),
        currency=_currency(element, balances, entries),
        owner=text_of(element, "Acct/Ownr/Nm", "Acct/Nm"),
        bank=text_of(element, "Acct/Svcr/FinInstnId/BICFI", "Acct/Svcr/FinInstnId/BIC", "Acct/Svcr/FinInstnId/Nm"),
        sequence=number_of(element, "LglSeqNb") if sequence is None else sequence,
        page=number_of(paged, f"{pages}/PgNb") if paged is not None else None,
        last_page=last is not False,
        created=text_of(element, "CreDtTm"),
        period_from=date_of(element, "FrToDt/FrDtTm"),
        period_to=date_of(element, "FrToDt/ToDtTm"),
        copy=text_of(element, "CpyDplctInd"),
        balances=balances,
        summary=_summary(element.find("TxsSummry")),
        entries=entries,
    )


def _currency(element: Element, balances: tuple[Balance, ...], entries: tuple[Entry, ...]) -> str:
    """The account currency; where the bank leaves it out, that of the first balance or entry."""
    stated = text_of(element, "Acct/Ccy")
    if stated:
        return currency_of(stated, "Acct")
    found = [*(balance.currency for balance in balances), *(entry.currency for entry in entries)]
    return found[0] if found else ""


def _balance(element: Element) -> Balance:
    amount, currency = signed_money_of(element)
    kind = text_of(element, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
    return Balance(kind, amount, currency, date_of(element, "Dt"))


def _summary(element: Element | None) -> Summary | None:
    if element is None:
        return None
    # Version 02 states the net amount in TtlNetNtryAmt, later ones in TtlNetNtry/Amt; both with a CdtDbtInd beside it.
    net = text_of(element, "TtlNtries/TtlNetNtry/Amt", "TtlNtries/TtlNetNtryAmt")
    direction = text_of(element, "TtlNtries/TtlNetNtry/CdtDbtInd", "TtlNtries/CdtDbtInd")
    value = decimal_of(net, "TtlNetNtry") if net else None
    if value is not None and direction:
        value = signed(abs(value), direction, "TtlNetNtry")
    entries, credits, debits = (_total(element, name) for name in ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries"))
    return Summary(entries, credits, debits, value, bool(direction))


def _total(element: Element, name: str) -> Total:
    text = text_of(element, f"{name}/Sum")
    return Total(number_of(element, f"{name}/NbOfNtries"), decimal_of(text, f"{name}/Sum") if text else None)
