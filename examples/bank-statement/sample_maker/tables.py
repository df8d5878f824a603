"""The two hand-kept tables, all money in whole hundredths."""

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One ledger line: a payment, a part of a batch (`part` 1, 2, ...) or the charges kept back from one."""

    entry: int
    part: str
    booked: str
    valued: str
    cents: int
    status: str
    reversal: bool
    code: str
    party: str
    account: str
    agent: str
    symbols: dict[str, str]
    symbols_in: str
    reference: str
    message: str
    charge: int
    fx_currency: str
    fx_cents: int
    rate: str

    @property
    def end_to_end(self) -> str:
        """The end-to-end identification when it carries the symbols, in the usual order VS, SS, KS."""
        if self.symbols_in != "end-to-end":
            return ""
        return "".join(f"/{kind}{self.symbols[kind]}" for kind in ("VS", "SS", "KS") if self.symbols[kind])


@dataclass(frozen=True)
class Statement:
    """One statement; opening, closing and the difference between claim and truth are typed in by hand."""

    file: str
    version: str
    encoding: str
    identifier: str
    sequence: str
    iban: str
    currency: str
    owner: str
    agent: str
    period: tuple[str, str]
    opening_kind: str
    opening: int
    closing: int
    difference: int
    entries: tuple[tuple[Line, ...], ...]

    @property
    def booked(self) -> list[tuple[int, tuple[Line, ...]]]:
        """Amount and lines of the entries that change the balance."""
        return [(sum(line.cents for line in lines), lines) for lines in self.entries if lines[0].status == "BOOK"]


def read_tables(directory: Path) -> dict[str, list[Statement]]:
    """Statements by file name; fails when a closing balance typed in does not follow from the ledger lines."""
    lines = [(row["statement"], _line(row)) for row in _rows(directory / "ledger.csv")]
    files: dict[str, list[Statement]] = {}
    for row in _rows(directory / "statements.csv"):
        own = [line for statement, line in lines if statement == row["id"]]
        entries = tuple(tuple(group) for _entry, group in groupby(own, key=lambda line: line.entry))
        statement = _statement(row, entries)
        moved = sum(amount for amount, _lines in statement.booked)
        if statement.opening + moved + statement.difference != statement.closing:
            raise SystemExit(f"{statement.identifier}: the tables disagree about the closing balance")
        files.setdefault(statement.file, []).append(statement)
    return files


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _line(row: dict[str, str]) -> Line:
    return Line(
        entry=int(row["entry"]),
        part=row["part"],
        booked=row["booked"],
        valued=row["valued"],
        cents=int(row["cents"]),
        status=row["status"],
        reversal=row["reversal"] == "yes",
        code=row["code"],
        party=row["party"],
        account=row["account"],
        agent=row["agent"],
        symbols={"VS": row["vs"], "KS": row["ks"], "SS": row["ss"]},
        symbols_in=row["symbols_in"],
        reference=row["reference"],
        message=row["message"],
        charge=int(row["charge"] or 0),
        fx_currency=row["fx_currency"],
        fx_cents=int(row["fx_cents"] or 0),
        rate=row["rate"],
    )


def _statement(row: dict[str, str], entries: tuple[tuple[Line, ...], ...]) -> Statement:
    return Statement(
        file=row["file"],
        version=row["version"],
        encoding=row["encoding"],
        identifier=row["id"],
        sequence=row["sequence"],
        iban=row["iban"],
        currency=row["currency"],
        owner=row["owner"],
        agent=row["agent"],
        period=(row["from"], row["to"]),
        opening_kind=row["opening_kind"],
        opening=int(row["opening"]),
        closing=int(row["closing"]),
        difference=int(row["difference"]),
        entries=entries,
    )


def money(cents: int) -> str:
    """Whole hundredths as a decimal number, without any arithmetic but division of integers."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
