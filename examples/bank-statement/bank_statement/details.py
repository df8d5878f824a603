"""One transaction (TxDtls) of an entry: amount, counterparty, symbols and message."""

from decimal import Decimal
from xml.etree.ElementTree import Element

from .amounts import signed
from .model import Detail
from .parts import charges_of, code_of, foreign_of
from .symbols import find_symbols, is_symbol
from .xmlvalues import at, money_of, one_line, text_of

_NO_REFERENCE = "NOTPROVIDED"
_SYMBOL_TYPES = ("VS", "KS", "SS")


def detail_of(element: Element, currency: str, direction: str, reversal: bool) -> Detail:
    """The transaction of an entry booked in `currency` with `direction`; amounts get the sign of the booking."""
    direction = text_of(element, "CdtDbtInd") or direction
    amount, net = _amount(element, currency, direction)
    name, account, bank = _counterparty(element, (direction == "CRDT") != reversal)
    references = _references(element)
    end_to_end = text_of(element, "Refs/EndToEndId")
    end_to_end = "" if end_to_end == _NO_REFERENCE else end_to_end
    unstructured = _joined(element, "RmtInf/Ustrd")
    symbols = find_symbols(references, (end_to_end, text_of(element, "Refs/PmtInfId"), unstructured))
    return Detail(
        amount=amount,
        net=net,
        name=name,
        account=account,
        bank=bank,
        variable_symbol=symbols.variable,
        constant_symbol=symbols.constant,
        specific_symbol=symbols.specific,
        end_to_end_id=end_to_end,
        creditor_reference=next((reference for reference in references if not is_symbol(reference)), ""),
        message=unstructured or _joined(element, "RmtInf/Strd/AddtlRmtInf") or text_of(element, "AddtlTxInf"),
        foreign=foreign_of(element, currency),
        charges=charges_of(element),
        code=code_of(element),
        reference=text_of(element, "Refs/AcctSvcrRef", "Refs/TxId"),
    )


def _amount(element: Element, currency: str, direction: str) -> tuple[Decimal | None, bool]:
    """The amount in the account currency, and whether it is the transaction's own Amt (version 04 and later)."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        if at(element, path) is not None:
            value, found = money_of(element, path)
            if found == currency:
                return signed(value, direction, "TxDtls"), path == "Amt"
    return None, False


def _counterparty(element: Element, money_came: bool) -> tuple[str, str, str]:
    """Name, account and bank of the other side: the debtor of money that came, the creditor of money that went.

    A reversal keeps the roles of the payment it undoes; a bank that names one side only means the other one.
    """
    role, other = ("Dbtr", "Cdtr") if money_came else ("Cdtr", "Dbtr")
    side = _side(element, role)
    return side if any(side) else _side(element, other)


def _side(element: Element, role: str) -> tuple[str, str, str]:
    party, account, agent = f"RltdPties/{role}", f"RltdPties/{role}Acct/Id", f"RltdAgts/{role}Agt/FinInstnId"
    return (
        text_of(element, f"{party}/Nm", f"{party}/Pty/Nm", f"{party}/Agt/FinInstnId/Nm"),
        text_of(element, f"{account}/IBAN", f"{account}/Othr/Id"),
        text_of(element, f"{agent}/BICFI", f"{agent}/BIC", f"{agent}/ClrSysMmbId/MmbId", f"{agent}/Othr/Id"),
    )


def _references(element: Element) -> list[str]:
    """Structured references; a plain number whose type says VS, KS or SS is written as `VS:number`."""
    found = []
    for block in element.findall("RmtInf/Strd/CdtrRefInf"):
        reference = text_of(block, "Ref")
        kind = text_of(block, "Tp/CdOrPrtry/Prtry").upper()
        if reference:
            found.append(f"{kind}:{reference}" if kind in _SYMBOL_TYPES and reference.isdigit() else reference)
    return found


def _joined(element: Element, path: str) -> str:
    return " ".join(text for part in element.findall(path) if (text := one_line(part.text or "")))
