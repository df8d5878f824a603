"""What a reader must find in a sample: figures of the statements and rows of the table."""

import json
from pathlib import Path
from typing import Any

from .tables import Line, Statement, money

Json = dict[str, Any]


def expected_of(statements: list[Statement]) -> str:
    """The expected figures of one file as JSON text."""
    faulty = any(statement.difference for statement in statements)
    content = {
        "file": statements[0].file,
        "exit_code": 1 if faulty else 0,
        "statements": [_statement(statement) for statement in statements],
        "rows": [row for statement in statements for row in _rows(statement)],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _statement(statement: Statement) -> Json:
    booked = statement.booked
    credits = [(amount, lines) for amount, lines in booked if amount > 0]
    debits = [(-amount, lines) for amount, lines in booked if amount < 0]
    parts = [[line for line in lines if line.part != "charges"] for _amount, lines in booked]
    net = sum(amount for amount, _lines in booked)
    return {
        "file": Path(statement.file).name,
        "id": statement.identifier,
        "version": f"camt.053.001.{statement.version}",
        "account": statement.iban,
        "currency": statement.currency,
        "owner": statement.owner,
        "bank": statement.agent,
        "sequence": int(statement.sequence) if statement.sequence else None,
        "from": statement.period[0],
        "to": statement.period[1],
        "opening": {"type": statement.opening_kind, "amount": money(statement.opening), "date": statement.period[0]},
        "closing": {"type": "CLBD", "amount": money(statement.closing), "date": statement.period[1]},
        "credits": _sum(credits),
        "debits": _sum(debits),
        "net": money(net),
        "computed_closing": money(statement.opening + net),
        "difference": money(statement.difference),
        "balanced": not statement.difference,
        "reversals": {
            "credits": _sum([found for found in credits if found[1][0].reversal]),
            "debits": _sum([found for found in debits if found[1][0].reversal]),
        },
        "entries": len(booked),
        "pending_entries": len(statement.entries) - len(booked),
        "batches": sum(len(lines) > 1 for lines in parts),
        "transactions": sum(len(lines) for lines in parts),
    }


def _sum(entries: list[tuple[int, tuple[Line, ...]]]) -> Json:
    return {"count": len(entries), "sum": money(sum(amount for amount, _lines in entries))}


def _rows(statement: Statement) -> list[dict[str, str]]:
    return [_row(statement, line, lines) for lines in statement.entries for line in lines]


def _row(statement: Statement, line: Line, lines: tuple[Line, ...]) -> dict[str, str]:
    kind = "charges" if line.part == "charges" else "detail" if len(lines) > 1 else "entry"
    charge = line.cents if kind == "charges" else line.charge
    sign = -1 if line.cents < 0 else 1
    return {
        "file": Path(statement.file).name,
        "statement": statement.identifier,
        "account": statement.iban,
        "booking_date": line.booked,
        "value_date": line.valued,
        "amount": money(line.cents),
        "currency": statement.currency,
        "status": line.status,
        "kind": kind,
        "reversal": "true" if line.reversal else "false",
        "entry": str(line.entry),
        "detail": line.part if kind == "detail" else "",
        "counterparty_name": line.party,
        "counterparty_account": line.account,
        "counterparty_bank": line.agent,
        "variable_symbol": line.symbols["VS"],
        "constant_symbol": line.symbols["KS"],
        "specific_symbol": line.symbols["SS"],
        # A text beginning with a plus would be a formula to a spreadsheet; none of the samples has one.
        "end_to_end_id": line.end_to_end,
        "creditor_reference": line.reference,
        "message": line.message,
        "original_amount": money(sign * line.fx_cents) if line.fx_currency else "",
        "original_currency": line.fx_currency,
        "exchange_rate": line.rate,
        "charges": money(charge) if charge else "",
        "charges_currency": statement.currency if charge else "",
        "transaction_code": line.code,
    }
