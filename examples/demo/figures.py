"""Compare what the jobs wrote with figures that were worked out independently of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from installation import DemoFailed

DELIMITERS = ",;\t"
SHOWN = {"booking_date": 12, "amount": 10, "currency": 8, "counterparty_name": 20, "message": 28}
SHOWN_ROWS = 3
COMPARED = ("id", "account", "currency", "opening", "closing", "credits", "debits", "difference", "transactions")


@dataclass(frozen=True)
class Results:
    """The result files of one job, by name."""

    job_id: int
    files: Mapping[str, bytes]

    def text(self, name: str) -> str:
        self.expect(name in self.files, f"job {self.job_id} has no artifact {name}")
        return self.files[name].decode()

    @staticmethod
    def expect(holds: bool, otherwise: str) -> None:
        if not holds:
            raise DemoFailed(otherwise)


def check_statements(expected: Path, slug: str, results: Results) -> str:
    """Check report and table of one company against all its expected figures; a line that sums up the proof."""
    wanted = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(expected.glob(f"{slug}-*.json"))]
    statements = _by_id(statement for one in wanted for statement in one["statements"])
    found = _by_id(json.loads(results.text("statement.json"))["statements"])
    results.expect(
        found.keys() == statements.keys(), f"{slug}: the report has {sorted(found)}, not {sorted(statements)}"
    )
    for name, statement in statements.items():
        for member in COMPARED:
            shown = _decided(found[name][member])
            results.expect(
                shown == _decided(statement[member]), f"{name}: {member} is {shown}, not {statement[member]}"
            )
    amounts = [Decimal(row["amount"].replace(",", ".")) for row in _rows(results)]
    rows = [Decimal(row["amount"]) for one in wanted for row in one["rows"]]
    results.expect(amounts == rows, f"{slug}: the amounts in transactions.csv are not the expected ones")
    return f"{len(statements)} statements and {len(rows)} rows agree with the expected figures to the cent"


def first_transactions(results: Results) -> list[str]:
    """The first rows of transactions.csv in a few of its columns."""
    rows = _rows(results)
    lines = ["  ".join(f"{name:<{width}}" for name, width in SHOWN.items())]
    lines += ["  ".join(f"{row[name][:width]:<{width}}" for name, width in SHOWN.items()) for row in rows[:SHOWN_ROWS]]
    return [*(line.rstrip() for line in lines), f"... {len(rows)} rows"]


def _by_id(statements: Any) -> dict[str, Any]:
    return {statement["id"]: statement for statement in statements}


def _decided(value: Any) -> Any:
    """The part of a member that is a figure: dates and kinds of balances are not compared."""
    return {key: value[key] for key in ("amount", "sum", "count") if key in value} if isinstance(value, dict) else value


def _rows(results: Results) -> list[dict[str, str]]:
    table = results.text("transactions.csv")
    delimiter = max(DELIMITERS, key=table.split("\n", 1)[0].count)
    return list(csv.DictReader(io.StringIO(table, newline=""), delimiter=delimiter))
