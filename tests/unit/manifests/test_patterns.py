"""Patterns that could run forever are recognised by their shape."""

from __future__ import annotations

import pytest

from multiflexi.manifests.patterns import problem


@pytest.mark.parametrize(
    "pattern",
    [
        r".*\.json$",
        r"bank_import_report_{\d+}.json$",
        "${RESULT_FILE}",
        "report_{NAME}.txt",
        ".",
        r"^transaction_report_[A-Za-z0-9]+\.json$",
        r"^r_\d+_\d+_\d+_\d+_\d+\.json$",
        r"(?i)\.(pdf|xml|csv)$",
        r"^(?P<day>\d{8})-(?:a|b)\.csv$",
        r"[]a]+[^]]*",
    ],
)
def test_usual_patterns_are_used(pattern: str) -> None:
    assert problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        *("[", "(", "(a+)+$", "(a|a)*b", "(a?){50}a{50}", "a?" * 30, "(a|a)" * 40),
        *(r"\d+\d+\d+\d+x", ".*a.*b.*c.*d", r"a{1,200}a{1,200}a{1,200}a{1,200}"),
        *("(?=a)", r"(a)\1", "(?P<x>a)(?P=x)", "x" * 513),
    ],
)
def test_explosive_and_broken_patterns_are_not(pattern: str) -> None:
    assert problem(pattern)
