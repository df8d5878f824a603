"""Tables on a terminal: what leads to a record is always there, whatever the width."""

from __future__ import annotations

import io
from typing import Any

import pytest

from multiflexi.cli.output import table

COLUMNS = ("id", "status", "exitcode", "company_id", "runtemplate_id", "schedule", "begin", "end", "executor")
ROW: dict[str, Any] = {
    name: "2026-11-21 14:59:52" if name in ("schedule", "begin", "end") else 1234 for name in COLUMNS
}


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, width: int, *, chosen: bool = False) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    table.write(out, [ROW, ROW], headers=True, colour=None, chosen=chosen)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_the_id_is_whole(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = [line for line in shown(monkeypatch, width) if not line.startswith("Too narrow")]
    assert max(map(len, lines)) <= width
    assert any(line.startswith("│ 1234 ") for line in lines)
    assert not any("│ …" in line for line in lines)


def test_columns_without_room_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, 80)[-1] == "Too narrow for: begin, end, executor; --wide shows all columns."
    assert not shown(monkeypatch, 200)[-1].startswith("Too narrow")


def test_columns_that_were_asked_for_are_never_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, 60, chosen=True)
    assert lines[0].split() == list(COLUMNS)
    assert lines[1].count("2026-11-21 14:59:52") == 3
