"""What can only be seen across statements: repeated ones, missing ones, missing pages, broken balance chains."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from .amounts import plain
from .figures import closing_of, opening_of
from .model import Statement

SeriesFinding = tuple[Statement, str, str]


def without_copies(statements: Iterable[Statement]) -> tuple[list[Statement], list[SeriesFinding]]:
    """The statements with each exact copy left out, and a finding for every repeated identification.

    The same identification with other content is kept, because dropping it could lose a booking.
    """
    kept: list[Statement] = []
    findings: list[SeriesFinding] = []
    seen: dict[tuple[str, str, str, int | None], Statement] = {}
    for statement in statements:
        key = (statement.account, statement.currency, statement.identifier, statement.page)
        first = seen.setdefault(key, statement)
        if first is statement:
            kept.append(statement)
        elif (first.balances, first.entries) == (statement.balances, statement.entries):
            findings.append((statement, "duplicate", f"it repeats the statement in {first.file} and is left out"))
        else:
            kept.append(statement)
            text = f"its identification is also that of another statement in {first.file}; both are kept"
            findings.append((statement, "duplicate", text))
    return kept, findings


def check_series(statements: Iterable[Statement]) -> Iterator[SeriesFinding]:
    """Findings about the statements of each account and currency, which may come in any order."""
    accounts: dict[tuple[str, str], list[Statement]] = {}
    for statement in statements:
        accounts.setdefault((statement.account, statement.currency), []).append(statement)
    for group in accounts.values():
        yield from _check_pages(group)
        yield from _check_sequence(sorted((s for s in group if s.sequence is not None), key=_chronological))


def _check_pages(group: list[Statement]) -> Iterator[SeriesFinding]:
    paged: dict[str, list[Statement]] = {}
    for statement in group:
        if statement.page is not None:
            paged.setdefault(statement.identifier, []).append(statement)
    for parts in paged.values():
        numbers = {part.page or 0 for part in parts}
        missing = sorted(set(range(1, max(numbers) + 1)) - numbers)
        if missing:
            yield parts[0], "pagination", f"page {', '.join(map(str, missing[:10]))} is missing"
        if not any(part.last_page for part in parts):
            yield parts[0], "pagination", f"page {max(numbers)} is not the last one, the rest is missing"


def _chronological(statement: Statement) -> tuple[str, int, int]:
    return _day(statement), statement.sequence or 0, statement.page or 0


def _day(statement: Statement) -> str:
    """The day a statement ends with, which orders it among others whose numbers start anew every year."""
    closing = closing_of(statement)
    return statement.period_to or (closing.date if closing else "") or statement.created[:10]


def _check_sequence(ordered: list[Statement]) -> Iterator[SeriesFinding]:
    for previous, current in pairwise(ordered):
        before, number = previous.sequence or 0, current.sequence or 0
        new_year = number == 1 and _day(previous)[:4] != _day(current)[:4]
        if number != before and number != before + 1 and not new_year:
            yield current, "sequence", f"number {number} follows number {before}; a statement between them is missing"
        else:
            yield from _check_chain(previous, current)


def _check_chain(previous: Statement, current: Statement) -> Iterator[SeriesFinding]:
    closing, opening = closing_of(previous), opening_of(current)
    if closing and opening and closing.amount != opening.amount:
        yield (
            current,
            "balance-chain",
            (
                f"it opens with {plain(opening.amount)}, but statement {previous.identifier} "
                f"closed with {plain(closing.amount)}"
            ),
        )
