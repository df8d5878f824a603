"""The bank statement reader as the platform starts it: a real process, an environment, files and an exit code."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from tests.speed import processor_time

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "examples" / "bank-statement"
PROGRAM = HOME / "bank-statement"
SAMPLES = HOME / "samples"
MANIFEST = json.loads((HOME / "bank-statement.multiflexi.app.json").read_text(encoding="utf-8"))
EXPECTED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (HOME / "expected").glob("*.json")}
ACME = (SAMPLES / "acme" / "acme-2026-01.xml").read_text(encoding="utf-8")
FEBRUARY = (SAMPLES / "acme" / "acme-2026-02.xml").read_text(encoding="utf-8")
GLOBEX = (SAMPLES / "globex" / "globex-2026-q1.xml").read_text(encoding="utf-8")

HEADER = (
    "file,statement,account,booking_date,value_date,amount,currency,status,kind,reversal,entry,detail,"
    "counterparty_name,counterparty_account,counterparty_bank,variable_symbol,constant_symbol,specific_symbol,"
    "end_to_end_id,creditor_reference,message,original_amount,original_currency,exchange_rate,charges,"
    "charges_currency,transaction_code,bank_reference"
)


@dataclass
class Result:
    """What a run left behind."""

    code: int
    out: str
    err: str
    directory: Path

    @property
    def report(self) -> dict[str, Any]:
        return json.loads((self.directory / "statement.json").read_text(encoding="utf-8"))

    @property
    def table(self) -> str:
        return (self.directory / "transactions.csv").read_bytes().decode("utf-8")

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(self.table.splitlines(keepends=True)))

    @property
    def rules(self) -> set[str]:
        return {problem["rule"] for problem in self.report["problems"]}


Reader = Callable[..., Result]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Starts the program with an environment as bare as that of a job."""
    directory = tmp_path / "job"
    directory.mkdir()

    def start(path: Path | str, **environ: str) -> Result:
        clean = {"PATH": os.defpath, "MULTIFLEXI_TMP": str(directory), "STATEMENT_PATH": str(path), **environ}
        # -S: no site-packages, so that the program is seen to need nothing but the standard library.
        done = subprocess.run(
            [sys.executable, "-S", str(PROGRAM)],
            check=False,
            env=clean,
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr, directory)

    return start


@pytest.fixture
def inbox(tmp_path: Path) -> Callable[..., Path]:
    """Puts a statement text into an own incoming directory and returns its path."""

    def put(text: str | bytes, name: str = "statement.xml") -> Path:
        path = tmp_path / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return put


# Figures


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_sample_gives_the_figures_of_the_ledger_to_the_cent(name: str, read: Reader) -> None:
    expected = EXPECTED[name]
    result = read(SAMPLES / expected["file"])
    assert result.code == expected["exit_code"], result.err
    found = [{key: statement[key] for key in expected["statements"][0]} for statement in result.report["statements"]]
    assert found == expected["statements"]
    rows = [{key: row[key] for key in expected["rows"][0]} for row in result.rows]
    assert rows == expected["rows"]


def test_samples_and_expected_figures_are_what_the_ledger_says(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(HOME / "make_samples.py"), str(tmp_path)], check=True, timeout=60)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path: (HOME / path).read_bytes() for path in made}
    assert made == kept
    assert {path.name for path in made if path.suffix == ".xml"} == {path.name for path in SAMPLES.rglob("*.xml")}


def test_the_maker_of_samples_does_not_know_the_reader() -> None:
    for source in (HOME / "make_samples.py", *(HOME / "sample_maker").glob("*.py")):
        assert "import bank_statement" not in source.read_text().replace("must not import `bank_statement`", "")
        assert "from bank_statement" not in source.read_text()


@pytest.mark.parametrize("company", ["acme", "globex"])
def test_rows_of_a_whole_directory_lead_from_first_opening_to_last_closing(company: str, read: Reader) -> None:
    result = read(SAMPLES / company)
    assert result.code == 0, result.err
    assert result.err == ""
    statements = sorted(result.report["statements"], key=lambda statement: statement["from"])
    booked = sum(Decimal(row["amount"]) for row in result.rows if row["status"] == "BOOK")
    assert Decimal(statements[0]["opening"]["amount"]) + booked == Decimal(statements[-1]["closing"]["amount"])


def test_a_balance_that_does_not_add_up_is_named_with_its_figures(read: Reader) -> None:
    result = read(SAMPLES / "faulty" / "balance.xml")
    assert result.code == 1
    assert result.err == (
        "WARNING balance.xml, statement FAULTY-BALANCE, rule balance: "
        "opening 10000.00 + credits 500.00 - debits 200.00 = 10300.00, but the statement closes with 10310.00 "
        "(difference 10.00)\n"
    )
    assert result.report["status"] == "warning"
    assert result.report["statements"][0]["balanced"] is False


def test_an_unreadable_file_does_not_keep_the_others_from_being_read(read: Reader) -> None:
    result = read(SAMPLES / "faulty")
    assert result.code == 2
    assert "ERROR truncated.xml, rule xml: it is not well-formed XML" in result.err
    assert "cut off" in result.err
    assert [statement["id"] for statement in result.report["statements"]] == ["FAULTY-BALANCE"]
    assert result.report["status"] == "error"
    assert {row["file"] for row in result.rows} == {"balance.xml"}


def test_progress_says_what_was_read_and_written(read: Reader) -> None:
    result = read(SAMPLES / "acme" / "acme-2026-01.xml")
    assert result.out.splitlines() == [
        f"bank-statement 1.0.0: 1 file at {SAMPLES}/acme/acme-2026-01.xml",
        "acme-2026-01.xml: camt.053.001.02, 1 statement",
        "acme-2026-01.xml, statement ACME-2026-001: CZ9899990000001000000001 CZK, "
        "125000.00 + 130250.50 (3) - 45280.10 (5) = 209970.40 adds up",
        "transactions.csv: 8 rows",
        "statement.json: success, 1 statement, 8 transactions, 0 warnings, 0 errors",
    ]


# Findings: one good statement with one thing wrong; tests/unit/test_bank_statement_checks.py has one for every rule


def changed(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


CLOSING = ACME[ACME.index("<Bal><Tp><CdOrPrtry><Cd>CLBD") : ACME.index("<TxsSummry>")]
SALARY = '<TxAmt><Amt Ccy="CZK">29500.00</Amt></TxAmt>'


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("iban", changed(ACME, "CZ9899990000001000000001", "CZ9999990000001000000001")),
        ("closing-balance", changed(ACME, CLOSING, "")),
        ("batch-count", changed(FEBRUARY, "<NbOfTxs>3<", "<NbOfTxs>4<")),
        ("sequence", changed(GLOBEX, "<ElctrncSeqNb>13<", "<ElctrncSeqNb>15<")),
    ],
)
def test_a_statement_with_one_fault_ends_with_1_and_the_rule(
    rule: str, text: str, read: Reader, inbox: Callable[..., Path]
) -> None:
    result = read(inbox(text))
    assert (result.code, result.rules) == (1, {rule})
    assert f"rule {rule}: " in result.err
    assert result.report["status"] == "warning"


def test_a_batch_that_does_not_add_up_is_kept_whole_so_that_no_cent_is_invented(
    read: Reader, inbox: Callable[..., Path]
) -> None:
    result = read(inbox(changed(FEBRUARY, SALARY, SALARY.replace("500", "501"))))
    salaries = [row for row in result.rows if row["entry"] == "2"]
    assert [(row["kind"], row["amount"]) for row in salaries] == [("entry", "-89600.25")]


def test_a_statement_delivered_twice_counts_once_and_one_with_other_content_is_kept(
    read: Reader, inbox: Callable[..., Path]
) -> None:
    inbox(ACME, "a.xml")
    copies = inbox(ACME, "b.xml").parent
    result = read(copies)
    assert (result.code, result.rules) == (1, {"duplicate"})
    assert len(result.rows) == 8
    inbox(changed(ACME, "Faktura 20260001", "Faktura 20260009"), "b.xml")
    result = read(copies)
    assert "duplicate" in result.rules
    assert len(result.rows) == 16


def test_many_findings_of_one_rule_are_printed_in_part_and_reported_in_full(
    read: Reader, inbox: Callable[..., Path]
) -> None:
    result = read(inbox(long_statement(50).replace("<Sts>BOOK", "<Sts>DONE")))
    assert result.err.count("rule status: entry") == 20
    assert "rule status: 30 more, see statement.json" in result.err
    assert result.report["metrics"]["warnings"] == 50


def test_strict_off_reports_the_warning_but_ends_with_0(read: Reader) -> None:
    result = read(SAMPLES / "faulty" / "balance.xml", STRICT="false")
    assert (result.code, result.report["status"], result.rules) == (0, "warning", {"balance"})


# Files that must not be trusted; tests/unit/test_bank_statement.py has one for every rule

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        ("xml", b"date;amount\r\n2026-01-01;100\r\n"),
        ("xml", ACME[: len(ACME) // 2].encode()),
        ("version", b"<html><body>Please sign in</body></html>"),
        ("version", changed(ACME, "camt.053.001.02", "camt.053.001.99").encode()),
        ("doctype", f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><x>&a11;</x>'.encode()),
        ("encoding", changed(ACME, "UTF-8", "klingon-8").encode()),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">-149.00').encode()),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_2_and_nothing_of_it_is_used(
    rule: str, content: bytes, read: Reader, inbox: Callable[..., Path]
) -> None:
    begun = time.monotonic()
    result = read(inbox(content))
    assert result.code == 2, result.err
    assert result.rules == {rule}
    assert result.err.startswith(f"ERROR statement.xml, rule {rule}: ")
    assert result.err.count("\n") == 1
    assert result.report["statements"] == []
    assert not (result.directory / "transactions.csv").exists()
    assert time.monotonic() - begun < 10


# Shapes


@pytest.mark.parametrize("number", range(2, 14))
def test_versions_2_to_13_are_read(number: int, read: Reader, inbox: Callable[..., Path]) -> None:
    old, text = ("02", ACME) if number < 8 else ("08", GLOBEX)
    result = read(inbox(text.replace(f"camt.053.001.{old}", f"camt.053.001.{number:02d}")))
    assert (result.code, result.err) == (0, "")
    assert result.report["statements"][0]["version"] == f"camt.053.001.{number:02d}"


@pytest.mark.parametrize("encoding", ["windows-1250", "ISO-8859-2", "UTF-16"])
def test_declared_encodings_are_followed(encoding: str, read: Reader, inbox: Callable[..., Path]) -> None:
    result = read(inbox(changed(ACME, 'encoding="UTF-8"', f'encoding="{encoding}"').encode(encoding)))
    assert (result.code, result.err) == (0, "")
    assert [row["counterparty_name"] for row in result.rows if row["entry"] == "6"] == ["Stavby Žluťoučký s.r.o."]


def test_a_statement_inside_an_envelope_is_found(read: Reader, inbox: Callable[..., Path]) -> None:
    document = ACME.partition("?>")[2]
    result = read(inbox(f"<Envelope xmlns='urn:example'><AppHdr/>{document}</Envelope>"))
    assert (result.code, len(result.rows)) == (0, 8)


def test_an_account_without_iban_is_read(read: Reader, inbox: Callable[..., Path]) -> None:
    other = changed(ACME, "<IBAN>CZ9899990000001000000001</IBAN>", "<Othr><Id>19-2000145399</Id></Othr>")
    result = read(inbox(other))
    assert (result.code, result.report["statements"][0]["account"]) == (0, "19-2000145399")


def long_statement(count: int, amount: str = "1.10") -> str:
    """A statement of `count` equal credits, opening with nothing and closing with what Python's integers say."""
    cents = int(amount.replace(".", "")) * count
    total = f"{cents // 100}.{cents % 100:02d}"
    entry = ACME[ACME.index("<Ntry>") : ACME.index("</Ntry>") + 7].replace("24200.00", amount)
    head, tail = ACME[: ACME.index("<TxsSummry>")], ACME[ACME.index("</Stmt>") :]
    head = head.replace("125000.00", "0.00").replace("209970.40", total)
    return head + entry * count + tail


def test_ten_thousand_entries_take_at_most_eight_times_as_long_as_parsing(
    read: Reader, inbox: Callable[..., Path]
) -> None:
    """About two seconds of processor time; how many it really is depends on the machine and its other work."""
    path = inbox(long_statement(10_000))
    result = read(path)
    assert (result.code, len(result.rows)) == (0, 10_000)
    assert result.report["statements"][0]["closing"]["amount"] == "11000.00"
    parsing = f"import xml.etree.ElementTree as tree; tree.parse({str(path)!r})"
    bare = {"PATH": os.defpath, "MULTIFLEXI_TMP": str(result.directory), "STATEMENT_PATH": str(path)}
    parse = min(processor_time(sys.executable, "-S", "-c", parsing) for _ in range(3))
    assert min(processor_time(sys.executable, "-S", str(PROGRAM), env=bare) for _ in range(3)) < 8 * parse


def test_huge_amounts_are_added_exactly(read: Reader, inbox: Callable[..., Path]) -> None:
    result = read(inbox(long_statement(101, "9999999999999.99")))
    assert (result.code, result.err) == (0, "")
    assert result.report["statements"][0]["credits"] == {"count": 101, "sum": "1009999999999998.99"}


# The table


def test_header_line_ends_and_quotes_follow_rfc_4180(read: Reader) -> None:
    table = read(SAMPLES / "acme" / "acme-2026-01.xml").table
    assert table.startswith(HEADER + "\r\n")
    assert table.count("\r\n") == table.count("\n") == 9
    assert '"Děkuji, ""paní účetní""; s pozdravem JD"' in table


def test_amounts_stand_as_stated_and_follow_the_chosen_separators(read: Reader, inbox: Callable[..., Path]) -> None:
    path = inbox(changed(ACME, '<Amt Ccy="CZK">149.00', '<Amt Ccy="CZK">149.000'))
    assert read(path).rows[-1]["amount"] == "-149.000"
    result = read(path, CSV_DELIMITER="semicolon", DECIMAL_SEPARATOR="comma")
    assert result.table.startswith(HEADER.replace(",", ";"))
    assert ";-149,000;CZK;BOOK;" in result.table
    assert "CZK\tBOOK" in read(path, CSV_DELIMITER="tab").table


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_text_that_a_spreadsheet_would_run_is_disarmed(start: str, read: Reader, inbox: Callable[..., Path]) -> None:
    text = f"{start}cmd|'/c calc'!A1"
    result = read(inbox(changed(ACME, "Faktura 20260001", text)))
    assert result.rows[0]["message"] == f"'{text}"
    assert result.rows[1]["amount"] == "-18000.00"


def test_control_characters_of_a_statement_reach_no_terminal(read: Reader, inbox: Callable[..., Path]) -> None:
    result = read(inbox(changed(changed(ACME, "<Id>ACME-2026-001<", "<Id>A&#x9b;31m&#x202e;B<"), CLOSING, "")))
    assert "statement A?31m?B" in result.err
    assert "statement A?31m?B" in result.out


# Configuration and exit codes


def test_only_the_configured_account_and_currency_are_used(read: Reader, inbox: Callable[..., Path]) -> None:
    inbox(GLOBEX, "globex.xml")
    both = inbox(ACME, "acme.xml").parent
    result = read(both, STATEMENT_IBAN="cz98 9999 0000 0010 0000 0001")
    assert (result.code, result.report["metrics"]["statements_left_out"]) == (0, 3)
    assert {row["currency"] for row in result.rows} == {"CZK"}
    assert {row["currency"] for row in read(both, STATEMENT_CURRENCY="eur").rows} == {"EUR"}


def test_statements_of_other_accounts_only_end_with_6(read: Reader) -> None:
    result = read(SAMPLES / "acme", STATEMENT_IBAN="DE93999999990000000001")
    assert (result.code, result.rules) == (6, {"account"})
    assert "there are statements of CZ9899990000001000000001 in CZK" in result.err


@pytest.mark.parametrize("place", ["", "missing.xml", "missing/**/*.xml"])
def test_no_statement_there_ends_with_3(place: str, read: Reader, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").write_text("no statement")
    (tmp_path / "empty" / ".hidden.xml").write_text("no statement")
    result = read(tmp_path / "empty" / place)
    assert (result.code, result.report["status"]) == (3, "error")
    assert "no statement file is there (yet)" in result.err


def test_a_pattern_takes_files_of_several_directories(read: Reader) -> None:
    result = read(f"{SAMPLES}/*/*-2026-*.xml")
    assert result.code == 0, result.err
    assert {statement["file"] for statement in result.report["statements"]} == {
        "acme/acme-2026-01.xml",
        "acme/acme-2026-02.xml",
        "globex/globex-2026-04-fx.xml",
        "globex/globex-2026-q1.xml",
    }


def test_every_wrong_variable_is_named_at_once(read: Reader) -> None:
    wrong = {
        "STATEMENT_PATH": "",
        "STATEMENT_IBAN": "CZ0099990000001000000001",
        "STATEMENT_CURRENCY": "koruna",
        "STRICT": "perhaps",
        "CSV_DELIMITER": "|",
        "DECIMAL_SEPARATOR": "dot",
        "RESULT_FILE": "transactions.csv",
    }
    result = read("", **wrong)
    assert result.code == 4
    assert [line.split(":")[0] for line in result.err.splitlines()] == [f"ERROR {name}" for name in wrong]
    assert read(SAMPLES, MULTIFLEXI_TMP="/nowhere/at/all").code == 4
    assert list(result.directory.iterdir()) == []


def test_results_that_cannot_be_written_end_with_5_and_leave_no_pieces(read: Reader) -> None:
    result = read(SAMPLES / "acme", RESULT_FILE="no/such/directory/report.json")
    assert result.code == 5
    assert "report.json cannot be written (No such file or directory)" in result.err
    assert [path.name for path in result.directory.iterdir()] == ["transactions.csv"]


def test_blank_values_mean_the_defaults_of_the_manifest(read: Reader) -> None:
    fields = MANIFEST["environment"]
    plain = read(SAMPLES / "acme")
    table, report = plain.table, plain.report
    blank = {name: "" for name in fields if name not in ("STATEMENT_PATH", "STRICT")}
    defaults = {name: str(field["defval"]).lower() for name, field in fields.items() if "defval" in field}
    for environ in (blank, defaults):
        result = read(SAMPLES / "acme", **environ)
        assert result.table == table
        assert result.report | {"timestamp": ""} == report | {"timestamp": ""}


def test_the_program_runs_from_the_path_and_by_its_absolute_name(tmp_path: Path) -> None:
    search = f"{HOME}:{Path(sys.executable).parent}:{os.defpath}"
    for name in ("bank-statement", str(PROGRAM)):
        environ = {"PATH": search, "STATEMENT_PATH": str(SAMPLES / "acme")}
        done = subprocess.run(
            ["/usr/bin/env", name], check=False, env=environ, cwd=tmp_path, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"statement.json", "transactions.csv"}


def test_arguments_are_refused_and_help_names_every_variable() -> None:
    asked = [sys.executable, str(PROGRAM)]
    assert subprocess.run([*asked, "statement.xml"], check=False, capture_output=True, timeout=60).returncode == 4
    usage = subprocess.run([*asked, "--help"], capture_output=True, encoding="utf-8", timeout=60, check=True).stdout
    assert all(name in usage for name in MANIFEST["environment"])


# What a platform expects of a report, spec of the report format 0.1.0.
REPORT = {
    "type": "object",
    "required": ["producer", "status", "timestamp", "message", "artifacts", "metrics", "statements"],
    "properties": {
        "producer": {"const": "bank-statement"},
        "status": {"enum": ["success", "error", "warning"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "message": {"type": "string"},
        "artifacts": {"additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "metrics": {"additionalProperties": {"type": "integer"}},
        "statements": {"type": "array"},
    },
}


def test_the_report_has_the_agreed_form_whatever_the_outcome(read: Reader) -> None:
    for place in ("acme", "faulty", "nothing-here"):
        report = read(SAMPLES / place).report
        assert list(Draft7Validator(REPORT, format_checker=FormatChecker()).iter_errors(report)) == []
        assert set(report["artifacts"]) <= set(MANIFEST["produces"])
