"""Sample statements as CAMT.053 text, in the shape of version 02 and in that of version 08 and later."""

from xml.sax.saxutils import escape

from .tables import Line, Statement, money


def document_of(statements: list[Statement]) -> str:
    """The whole file; element order follows the ISO 20022 schemas."""
    first = statements[0]
    body = "".join(_statement(statement) for statement in statements)
    return (
        f'<?xml version="1.0" encoding="{first.encoding}"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{first.version}">\n<BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>MSG-{escape(first.identifier)}</MsgId><CreDtTm>{first.period[1]}T23:59:00</CreDtTm>"
        "<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>\n"
        f"{body}</BkToCstmrStmt>\n</Document>\n"
    )


def _statement(statement: Statement) -> str:
    modern = statement.version != "02"
    agent = "BICFI" if modern else "BIC"
    sequence = _tag("ElctrncSeqNb", statement.sequence)
    start, end = statement.period
    entries = "".join(_entry(statement, lines) for lines in statement.entries)
    return (
        f"<Stmt>\n<Id>{escape(statement.identifier)}</Id>{sequence}<CreDtTm>{end}T23:59:00</CreDtTm>"
        f"<FrToDt><FrDtTm>{start}T00:00:00</FrDtTm><ToDtTm>{end}T23:59:59</ToDtTm></FrToDt>\n"
        f"<Acct><Id><IBAN>{statement.iban}</IBAN></Id><Ccy>{statement.currency}</Ccy>"
        f"<Ownr><Nm>{escape(statement.owner)}</Nm></Ownr>"
        f"<Svcr><FinInstnId><{agent}>{statement.agent}</{agent}></FinInstnId></Svcr></Acct>\n"
        f"{_balance(statement.opening_kind, statement.opening, start, statement.currency)}"
        f"{_balance('CLBD', statement.closing, end, statement.currency)}"
        f"{_summary(statement, modern)}{entries}</Stmt>\n"
    )


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""


def _direction(cents: int) -> str:
    return f"<CdtDbtInd>{'DBIT' if cents < 0 else 'CRDT'}</CdtDbtInd>"


def _amount(cents: int, currency: str, name: str = "Amt") -> str:
    return f'<{name} Ccy="{currency}">{money(abs(cents))}</{name}>'


def _balance(kind: str, cents: int, day: str, currency: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(cents, currency)}{_direction(cents)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def _summary(statement: Statement, modern: bool) -> str:
    amounts = [amount for amount, _lines in statement.booked]
    credits, debits = [a for a in amounts if a > 0], [-a for a in amounts if a < 0]
    net = money(abs(sum(amounts)))
    net_tag = (
        f"<TtlNetNtry><Amt>{net}</Amt>{_direction(sum(amounts))}</TtlNetNtry>"
        if modern
        else f"<TtlNetNtryAmt>{net}</TtlNetNtryAmt>{_direction(sum(amounts))}"
    )
    totals = (("TtlCdtNtries", credits), ("TtlDbtNtries", debits))
    sides = "".join(f"<{name}>{_total(len(found), sum(found))}</{name}>" for name, found in totals)
    every = _total(len(amounts), sum(abs(amount) for amount in amounts))
    return f"<TxsSummry><TtlNtries>{every}{net_tag}</TtlNtries>{sides}</TxsSummry>\n"


def _total(count: int, cents: int) -> str:
    return f"<NbOfNtries>{count}</NbOfNtries><Sum>{money(cents)}</Sum>"


def _entry(statement: Statement, lines: tuple[Line, ...]) -> str:
    modern, currency, first = statement.version != "02", statement.currency, lines[0]
    cents = sum(line.cents for line in lines)
    parts = [line for line in lines if line.part != "charges"]
    kept_back = sum(line.cents for line in lines if line.part == "charges")
    domain, family, sub_family = first.code.split("-")
    batch = (
        f"<Btch><NbOfTxs>{len(parts)}</NbOfTxs>{_amount(cents - kept_back, currency, 'TtlAmt')}"
        f"{_direction(cents - kept_back)}</Btch>"
    )
    details = "".join(_transaction(statement, line) for line in parts if line.party)
    return (
        f"<Ntry><NtryRef>{first.entry}</NtryRef>{_amount(cents, currency)}{_direction(cents)}"
        f"{'<RvslInd>true</RvslInd>' if first.reversal else ''}"
        f"<Sts>{f'<Cd>{first.status}</Cd>' if modern else first.status}</Sts>"
        f"<BookgDt><Dt>{first.booked}</Dt></BookgDt><ValDt><Dt>{first.valued}</Dt></ValDt>"
        f"<AcctSvcrRef>{escape(statement.identifier)}-{first.entry}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"{_charges(kept_back, currency, modern)}"
        f"{f'<NtryDtls>{batch if len(parts) > 1 else str()}{details}</NtryDtls>' if details else ''}"
        f"{'' if details else _tag('AddtlNtryInf', first.message)}</Ntry>\n"
    )


def _transaction(statement: Statement, line: Line) -> str:
    modern, currency = statement.version != "02", statement.currency
    # What the payment was before the bank kept its charge back.
    gross = line.cents - line.charge
    exchange = (
        f"<CcyXchg><SrcCcy>{line.fx_currency}</SrcCcy><TrgtCcy>{currency}</TrgtCcy><UnitCcy>{currency}</UnitCcy>"
        f"<XchgRate>{line.rate}</XchgRate></CcyXchg>"
    )
    foreign = f"<InstdAmt>{_amount(line.fx_cents, line.fx_currency)}</InstdAmt>" if line.fx_currency else ""
    return (
        f"\n<TxDtls><Refs><EndToEndId>{line.end_to_end or 'NOTPROVIDED'}</EndToEndId></Refs>"
        f"{_amount(gross, currency) + _direction(gross) if modern else ''}"
        f"<AmtDtls>{foreign}<TxAmt>{_amount(gross, currency)}{exchange if foreign else ''}</TxAmt></AmtDtls>"
        f"{_charges(line.charge, currency, modern)}{_parties(line, modern)}{_remittance(line)}</TxDtls>"
    )


def _charges(cents: int, currency: str, modern: bool) -> str:
    if not cents:
        return ""
    record = f"{_amount(cents, currency)}{_direction(cents)}"
    inner = f"<Rcrd>{record}<ChrgInclInd>true</ChrgInclInd></Rcrd>" if modern else record
    return f"<Chrgs>{inner}</Chrgs>"


def _parties(line: Line, modern: bool) -> str:
    # A reversal keeps the roles of the payment it undoes.
    role = "Dbtr" if (line.cents > 0) != line.reversal else "Cdtr"
    name = _tag("Nm", line.party)
    iban = line.account[2:4].isdigit()
    number = _tag("IBAN", line.account) if iban else f"<Othr>{_tag('Id', line.account)}</Othr>"
    agent = _tag("BICFI" if modern else "BIC", line.agent)
    return (
        f"<RltdPties><{role}>{f'<Pty>{name}</Pty>' if modern else name}</{role}>"
        f"<{role}Acct><Id>{number}</Id></{role}Acct></RltdPties>"
        f"<RltdAgts><{role}Agt><FinInstnId>{agent}</FinInstnId></{role}Agt></RltdAgts>"
    )


def _remittance(line: Line) -> str:
    kept = [f"{kind}:{number}" for kind, number in line.symbols.items() if number and line.symbols_in == "references"]
    references = [*kept, *([line.reference] if line.reference else [])]
    blocks = "".join(f"<Strd><CdtrRefInf>{_tag('Ref', reference)}</CdtrRefInf></Strd>" for reference in references)
    return f"<RmtInf>{_tag('Ustrd', line.message)}{blocks}</RmtInf>" if line.message or blocks else ""
