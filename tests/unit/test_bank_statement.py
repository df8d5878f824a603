"""The rules of the bank statement reader, one by one and without a process."""

import json
import sys
from decimal import Decimal, Inexact, localcontext
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).resolve().parents[2] / "examples" / "bank-statement"
sys.path.insert(0, str(HOME))

from bank_statement import iban, program  # noqa: E402
from bank_statement.amounts import EXACT, decimal_of  # noqa: E402
from bank_statement.outcome import ExitCode, Unreadable  # noqa: E402
from bank_statement.reader import read_file  # noqa: E402
from bank_statement.symbols import Symbols, find_symbols  # noqa: E402

ACME = (HOME / "samples" / "acme" / "acme-2026-01.xml").read_text(encoding="utf-8")
FEBRUARY = (HOME / "samples" / "acme" / "acme-2026-02.xml").read_text(encoding="utf-8")
VERSION_02 = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


def changed(text: str, old: str, new: str) -> bytes:
    assert old in text, old
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        ("xml", b""),
        ("xml", b"\x00\x01\x02"),
        ("xml", ACME[: len(ACME) // 2].encode()),
        ("xml", ACME.encode().replace(b"Nov\xc3\xa1k", b"Nov\xe1k")),
        ("xml", b"<!--" + b"x" * 1_000_000 + b"-->" + ACME.encode()),
        ("xml", b" " * 1_000_000 + b"<x/>"),
        ("version", b"<html><body>Please sign in</body></html>"),
        ("version", b"<x>" * 200_000 + b"</x>" * 200_000),
        ("version", changed(ACME, VERSION_02, "http://example.com/statement")),
        ("version", changed(ACME, f' xmlns="{VERSION_02}"', "")),
        ("version", changed(ACME, "camt.053.001.02", "camt.053.001.99")),
        ("version", changed(ACME, "camt.053.001.02", "camt.052.001.02")),
        ("structure", f'<Document xmlns="{VERSION_02}"><BkToCstmrStmt/></Document>'.encode()),
        ("structure", changed(ACME, "<IBAN>CZ9899990000001000000001</IBAN>", "")),
        ("doctype", f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><x>&a11;</x>'.encode()),
        ("doctype", f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><x>&a11;</x>'.encode("utf-16")),
        ("doctype", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
        ("doctype", b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>'),
        ("encoding", changed(ACME, "UTF-8", "klingon-8")),
        ("encoding", changed(ACME, "UTF-8", "gb2312")),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">-149.00')),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">149,00')),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">1.49E2')),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">NaN')),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">\u0661\u0664\u0669')),
        ("amount", changed(ACME, '"CZK">149.00', '"CZK">12345678901234567.89')),
        ("amount", changed(ACME, '<Amt Ccy="CZK">149.00</Amt>', "")),
        ("currency", changed(ACME, '"CZK">149.00', '"Kč">149.00')),
        ("direction", changed(ACME, "DBIT", "DEBIT")),
        ("flag", changed(FEBRUARY, "<RvslInd>true", "<RvslInd>maybe")),
        ("date", changed(ACME, "2026-01-05", "2026-02-30")),
        ("number", changed(ACME, "<NbOfNtries>8<", "<NbOfNtries>eight<")),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(rule: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "statement.xml"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        read_file(path, path.name)
    assert refused.value.rule == rule
    assert refused.value.text


def test_a_directory_in_place_of_a_file_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="Is a directory") as refused:
        read_file(tmp_path, "inbox")
    assert refused.value.rule == "access"


def test_the_broken_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "statement.xml"
    path.write_bytes(changed(ACME, '"CZK">149.00', '"CZK">x'))
    with pytest.raises(Unreadable, match="statement ACME-2026-001: entry 8: Amt is 'x', not a decimal number"):
        read_file(path, path.name)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("CZ6508000000192000145399", ""),
        ("DE89370400440532013000", ""),
        ("GB82WEST12345698765432", ""),
        ("BR1800360305000010009795493C1", ""),
        ("CZ6508000000192000145398", "its check digits do not match (mod 97)"),
        ("CZ6580000000192000145399", "its check digits do not match (mod 97)"),
        ("CZ650800000019200014539", "it has 23 characters, CZ numbers have 24"),
        ("not an account", "an IBAN is two letters, two check digits and 11 to 30 letters or digits"),
    ],
)
def test_ibans_of_the_registry_are_right_and_typing_errors_are_not(number: str, fault: str) -> None:
    assert iban.fault(number) == fault


@pytest.mark.parametrize(
    ("references", "texts", "expected"),
    [
        (["VS:20260001", "KS:0308", "SS:12"], [], Symbols("20260001", "0308", "12")),
        (["vs: 7"], ["/VS8"], Symbols("7", "", "")),
        ([], ["/VS1234567890/SS0000000042/KS1148"], Symbols("1234567890", "1148", "0000000042")),
        ([], ["/VS/SS/KS0308"], Symbols("", "0308", "")),
        ([], ["", "Faktura /VS555 děkuji"], Symbols("555", "", "")),
        ([], ["/VS12345678901", "VS 555", "MVS555"], Symbols()),
        (["RF18539007547034", "VS:12345678901"], [], Symbols()),
    ],
)
def test_symbols_are_found_where_banks_put_them(references: list[str], texts: list[str], expected: Symbols) -> None:
    assert find_symbols(references, texts) == expected


def test_amounts_keep_their_decimals_and_are_never_rounded() -> None:
    assert str(decimal_of("0012.500", "Amt")) == "12.500"
    with localcontext(EXACT), pytest.raises(Inexact):
        Decimal(1) + Decimal("1E-80")


def test_a_fault_of_the_program_itself_never_looks_like_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(program, "Run", fail)
    environ = {"STATEMENT_PATH": "x", "MULTIFLEXI_TMP": str(tmp_path)}
    assert program.main([], environ) == ExitCode.INTERNAL
    assert "ZeroDivisionError: a fault" in capsys.readouterr().err


def test_the_manifest_declares_exactly_the_codes_of_the_program() -> None:
    manifest = json.loads((HOME / "bank-statement.multiflexi.app.json").read_text(encoding="utf-8"))
    assert {int(code) for code in manifest["exitCodes"]} == set(ExitCode)
