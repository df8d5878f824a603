"""What a person watching the run reads: progress on standard output, problems on standard error."""

import sys

from .amounts import plain
from .figures import Figures
from .model import Statement
from .outcome import printable


def progress_of(statement: Statement, figures: Figures) -> str:
    """One line with the figures of a statement and whether they hold."""
    opening = plain(figures.opening.amount) if figures.opening else "?"
    closing = plain(figures.closing.amount) if figures.closing else "?"
    credits, debits = figures.credits, figures.debits
    verdict = "not proven" if figures.difference is None else "differs" if figures.difference else "adds up"
    return (
        f"{name_of(statement)}: {statement.account} {statement.currency}, {opening} "
        f"+ {plain(credits.sum)} ({credits.count}) - {plain(debits.sum)} ({debits.count}) "
        f"= {closing} {verdict}"
    )


def name_of(statement: Statement) -> str:
    """How a statement is called in progress lines."""
    return f"{statement.file}, statement {statement.identifier}"


def counted(number: int, noun: str) -> str:
    """A number with its noun in the right form."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def say(text: str) -> None:
    """A progress line on standard output, at once, so that a live view shows it."""
    print(printable(text), flush=True)


def complain(text: str) -> None:
    """A problem line on standard error."""
    print(printable(text), file=sys.stderr, flush=True)
