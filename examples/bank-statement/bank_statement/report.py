"""The report of a run: statement.json, a MultiFlexi report with the statements beside its metrics."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from . import NAME, VERSION
from .amounts import plain
from .figures import Figures, Sum
from .model import Balance, Statement
from .outcome import Problem

Json = dict[str, Any]


def report_of(
    status: str,
    message: str,
    *,
    artifacts: dict[str, list[str]],
    metrics: dict[str, int],
    results: Sequence[tuple[Statement, Figures]],
    problems: Sequence[Problem],
) -> str:
    """The report as JSON text; amounts are strings with exactly the stated decimals, metrics are whole numbers."""
    report = {
        "producer": NAME,
        "version": VERSION,
        "status": status,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "message": message,
        "artifacts": artifacts,
        "metrics": metrics,
        "statements": [_statement(statement, figures) for statement, figures in results],
        "problems": [asdict(problem) for problem in problems],
    }
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def _statement(statement: Statement, figures: Figures) -> Json:
    return {
        "file": statement.file,
        "id": statement.identifier,
        "version": statement.version,
        "account": statement.account,
        "currency": statement.currency,
        "owner": statement.owner,
        "bank": statement.bank,
        "sequence": statement.sequence,
        "page": statement.page,
        "last_page": statement.last_page,
        "created": statement.created,
        "from": statement.period_from,
        "to": statement.period_to,
        "copy": statement.copy,
        "opening": _balance(figures.opening),
        "closing": _balance(figures.closing),
        "credits": _sum(figures.credits),
        "debits": _sum(figures.debits),
        "net": plain(figures.net),
        "computed_closing": None if figures.computed is None else plain(figures.computed),
        "difference": None if figures.difference is None else plain(figures.difference),
        "balanced": None if figures.difference is None else not figures.difference,
        "reversals": {"credits": _sum(figures.reversed_credits), "debits": _sum(figures.reversed_debits)},
        "entries": figures.booked,
        "pending_entries": figures.pending,
        "batches": figures.batches,
        "transactions": figures.transactions,
    }


def _balance(balance: Balance | None) -> Json | None:
    if balance is None:
        return None
    return {"type": balance.kind, "amount": plain(balance.amount), "date": balance.date}


def _sum(total: Sum) -> Json:
    return {"count": total.count, "sum": plain(total.sum)}
