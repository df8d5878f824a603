"""What the demonstration runs: an application, the companies with their configurations, and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from figures import Results, check_statements, first_transactions
from installation import ROOT

BANK = ROOT / "examples" / "bank-statement"
SLOW = ROOT / "tests" / "apps" / "slow"
START_LOG = "starts.log"


@dataclass(frozen=True)
class Firm:
    """One company with its configuration of the application."""

    name: str
    slug: str
    timezone: str
    config: Mapping[str, str]


@dataclass(frozen=True)
class Scenario:
    """`check` is given the result files of a firm's job and returns what it proved, or raises DemoFailed.

    `first_rows` are the lines of a result that are worth a look.
    """

    manifest: Path
    program: Path
    firms: Sequence[Firm]
    check: Callable[[Firm, Results], str]
    first_rows: Callable[[Results], Sequence[str]]


def bank_statements() -> Scenario:
    """Two firms with statements in two currencies and different ideas of a table."""
    acme = {
        "STATEMENT_PATH": str(BANK / "samples" / "acme"),
        "STATEMENT_IBAN": "CZ9899990000001000000001",
        "STATEMENT_CURRENCY": "CZK",
        "CSV_DELIMITER": "semicolon",
        "DECIMAL_SEPARATOR": "comma",
    }
    globex = {
        "STATEMENT_PATH": str(BANK / "samples" / "globex"),
        "STATEMENT_IBAN": "DE93999999990000000001",
        "STATEMENT_CURRENCY": "EUR",
    }
    return Scenario(
        manifest=BANK / "bank-statement.multiflexi.app.json",
        program=BANK / "bank-statement",
        firms=(Firm("ACME", "acme", "Europe/Prague", acme), Firm("Globex", "globex", "Europe/Berlin", globex)),
        check=lambda firm, results: check_statements(BANK / "expected", firm.slug, results),
        first_rows=first_transactions,
    )


def slow_jobs(seconds: int, directory: Path) -> Scenario:
    """Jobs that take their time and leave one line per start in a file, for tests that disturb the daemons."""
    config = {"START_LOG": str(directory / START_LOG), "SLOW_SECONDS": str(seconds)}
    return Scenario(
        manifest=SLOW / "slow.multiflexi.app.json",
        program=SLOW / "slow",
        firms=(Firm("ACME", "acme", "Europe/Prague", config), Firm("Globex", "globex", "Europe/Berlin", config)),
        check=lambda firm, results: _check_one_start(directory / START_LOG, results),
        first_rows=lambda results: results.text("stdout.txt").splitlines(),
    )


def _check_one_start(log: Path, results: Results) -> str:
    starts = [line for line in log.read_text().splitlines() if line.startswith(f"job={results.job_id} ")]
    results.expect(len(starts) == 1, f"job {results.job_id} was started {len(starts)} times")
    return "started exactly once"
