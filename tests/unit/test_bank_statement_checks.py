"""Every check of the bank statement reader: one good statement with one thing wrong, and the shapes that are right."""

import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2] / "examples" / "bank-statement"
sys.path.insert(0, str(HOME))

from bank_statement.checks import check_statement  # noqa: E402
from bank_statement.figures import figures_of  # noqa: E402
from bank_statement.reader import read_file  # noqa: E402
from bank_statement.rows import rows_of  # noqa: E402
from bank_statement.series import check_series, without_copies  # noqa: E402

ACME = (HOME / "samples" / "acme" / "acme-2026-01.xml").read_text(encoding="utf-8")
FEBRUARY = (HOME / "samples" / "acme" / "acme-2026-02.xml").read_text(encoding="utf-8")
GLOBEX = (HOME / "samples" / "globex" / "globex-2026-q1.xml").read_text(encoding="utf-8")
CLOSING = ACME[ACME.index("<Bal><Tp><CdOrPrtry><Cd>CLBD") : ACME.index("<TxsSummry>")]
OPENING = ACME[ACME.index("<Bal>") : ACME.index(CLOSING)]
PRCD = OPENING.replace("OPBD", "PRCD").replace("125000.00", "124000.00")
BATCH_SUM = '<TtlAmt Ccy="CZK">89600.25</TtlAmt>'
SALARY = '<TxAmt><Amt Ccy="CZK">29500.00</Amt></TxAmt>'


def changed(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


def rules_of(directory: Path, *texts: str) -> list[str]:
    """The rules that the statements of some files break, in the order of the findings."""
    statements = []
    for number, text in enumerate(texts):
        path = directory / f"{number}.xml"
        path.write_text(text, encoding="utf-8")
        statements.extend(read_file(path, path.name))
    kept, repeated = without_copies(statements)
    own = [rule for statement in kept for rule, _text in check_statement(statement, figures_of(statement))]
    return [*own, *(rule for _statement, rule, _text in (*repeated, *check_series(kept)))]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("iban", changed(ACME, "CZ9899990000001000000001", "CZ9999990000001000000001")),
        ("iban", changed(ACME, "CZ9899990000001000000001", "CZ98999900000010000001")),
        ("closing-balance", changed(ACME, CLOSING, "")),
        ("opening-balance", changed(ACME, OPENING, "")),
        ("balance", changed(ACME, "209970.40", "209970.41")),
        ("previous-balance", changed(ACME, OPENING, PRCD + OPENING)),
        ("currency", changed(ACME, '<Amt Ccy="CZK">149.00', '<Amt Ccy="EUR">149.00')),
        ("currency", changed(ACME, '<Amt Ccy="CZK">209970.40', '<Amt Ccy="EUR">209970.40')),
        ("status", changed(ACME, "<Sts>BOOK</Sts>", "<Sts>DONE</Sts>")),
        ("summary-count", changed(ACME, "<NbOfNtries>8<", "<NbOfNtries>9<")),
        ("summary-sum", changed(ACME, "<Sum>130250.50<", "<Sum>130250.51<")),
        ("summary-net", changed(ACME, "<TtlNetNtryAmt>84970.40<", "<TtlNetNtryAmt>84970.30<")),
        ("summary-net", changed(ACME, "</TtlNetNtryAmt><CdtDbtInd>CRDT", "</TtlNetNtryAmt><CdtDbtInd>DBIT")),
        ("batch-count", changed(FEBRUARY, "<NbOfTxs>3<", "<NbOfTxs>4<")),
        ("batch-total", changed(FEBRUARY, BATCH_SUM, BATCH_SUM.replace("25<", "26<"))),
        ("details-sum", changed(FEBRUARY, SALARY, SALARY.replace("500", "501"))),
        ("details-amount", changed(FEBRUARY, SALARY, SALARY.replace("CZK", "EUR"))),
        ("balance", changed(FEBRUARY, "<CdtDbtInd>CRDT</CdtDbtInd><RvslInd>", "<CdtDbtInd>DBIT</CdtDbtInd><RvslInd>")),
        ("pagination", changed(ACME, "<LastPgInd>true", "<LastPgInd>false")),
        ("pagination", changed(ACME, "<PgNb>1<", "<PgNb>2<")),
        ("sequence", changed(GLOBEX, "<ElctrncSeqNb>13<", "<ElctrncSeqNb>15<")),
        ("balance-chain", GLOBEX.replace('"EUR">59844.68', '"EUR">59844.69', 1)),
    ],
)
def test_a_statement_with_one_fault_breaks_the_rule(rule: str, text: str, tmp_path: Path) -> None:
    assert rule in rules_of(tmp_path, text)


def test_the_samples_these_tests_change_break_no_rule(tmp_path: Path) -> None:
    assert rules_of(tmp_path, ACME, FEBRUARY, GLOBEX) == []


def test_totals_of_the_bank_do_not_count_what_is_only_announced(tmp_path: Path) -> None:
    fee = ACME[ACME.rindex("<Ntry>") : ACME.rindex("</Stmt>")]
    assert rules_of(tmp_path, changed(ACME, fee, fee + fee.replace("BOOK", "PDNG"))) == []


def test_a_sum_of_debits_with_a_minus_sign_is_the_same_sum(tmp_path: Path) -> None:
    assert rules_of(tmp_path, changed(ACME, "<Sum>45280.10<", "<Sum>-45280.10<")) == []


def test_charges_explain_a_batch_only_when_they_are_exactly_what_is_missing(tmp_path: Path) -> None:
    charge = '<Chrgs><Amt Ccy="CZK">45.00</Amt>'
    assert rules_of(tmp_path, changed(FEBRUARY, charge, charge.replace("45.00", "46.00"))) == ["details-sum"]
    assert rules_of(tmp_path, changed(FEBRUARY, charge + "<CdtDbtInd>DBIT", charge + "<CdtDbtInd>CRDT")) == [
        "details-sum"
    ]


def test_a_batch_announced_without_its_transactions_is_measured_by_the_booking(tmp_path: Path) -> None:
    start, end = FEBRUARY.index("</Btch>") + len("</Btch>"), FEBRUARY.index("</NtryDtls>", FEBRUARY.index("</Btch>"))
    collective = FEBRUARY[:start] + FEBRUARY[end:]
    assert rules_of(tmp_path, collective) == []
    assert figures_of(read_file(tmp_path / "0.xml", "0.xml")[0]).transactions == 12
    assert rules_of(tmp_path, changed(collective, BATCH_SUM, BATCH_SUM.replace("25<", "26<"))) == ["batch-total"]


def test_pages_of_one_statement_are_proven_by_their_intermediate_balances(tmp_path: Path) -> None:
    stated = changed(ACME, CLOSING, CLOSING.replace("CLBD", "ITBD"))
    first = changed(stated, "<LastPgInd>true", "<LastPgInd>false")
    second = changed(ACME, OPENING, OPENING.replace("OPBD", "ITBD").replace("125000.00", "209970.40"))
    second = changed(changed(second, "<PgNb>1<", "<PgNb>2<"), CLOSING, CLOSING.replace("209970.40", "294940.80"))
    assert rules_of(tmp_path, first, second) == []
    assert rules_of(tmp_path, second, first) == []
    assert rules_of(tmp_path, first) == ["pagination"]


def test_a_statement_of_several_days_opens_with_the_first_balance_and_closes_with_the_last(tmp_path: Path) -> None:
    middle = OPENING.replace("125000.00", "1.00").replace("2026-01-01", "2026-01-15")
    end = CLOSING.replace("209970.40", "2.00").replace("2026-01-31", "2026-01-14")
    assert rules_of(tmp_path, changed(ACME, OPENING, middle + OPENING + end)) == []


def test_numbers_of_statements_start_anew_every_year(tmp_path: Path) -> None:
    text = GLOBEX.replace("2026-01-", "2025-12-").replace("<ElctrncSeqNb>12<", "<ElctrncSeqNb>1<")
    assert rules_of(tmp_path, text.replace("<ElctrncSeqNb>13<", "<ElctrncSeqNb>2<")) == []
    assert rules_of(tmp_path, GLOBEX.replace("<ElctrncSeqNb>11<", "<ElctrncSeqNb>10<")) == ["sequence"]


def test_the_other_side_of_a_reversal_is_that_of_the_payment_it_undoes(tmp_path: Path) -> None:
    # Banks that name both sides name the owner of the account too, in the role of the original payment.
    both = FEBRUARY.replace("<RltdPties><Cdtr>", "<RltdPties><Dbtr><Nm>ACME s.r.o.</Nm></Dbtr><Cdtr>")
    both = both.replace("</DbtrAcct></RltdPties>", "</DbtrAcct><Cdtr><Nm>ACME s.r.o.</Nm></Cdtr></RltdPties>")
    rules_of(tmp_path, both)
    rows = list(rows_of(read_file(tmp_path / "0.xml", "0.xml")[0]))
    undone = [(str(row.amount), row.counterparty_name) for row in rows if row.reversal == "true"]
    assert undone == [("28899.75", "Jiří Řehoř"), ("-18150.00", "Novák & syn s.r.o.")]
    assert "ACME s.r.o." not in {row.counterparty_name for row in rows}
