"""Plugin of pytest: reports that can travel between the processes of a test run.

Captured output may hold lone surrogates, since tests log them on purpose; the channel between xdist's processes takes
valid UTF-8 only and ends the whole run otherwise.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write what UTF-8 cannot hold as escapes."""
    report = yield
    report.sections = [(title, _printable(text)) for title, text in report.sections]
    return report


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
