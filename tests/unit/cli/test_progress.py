"""How far a long command is: told on a terminal, and nowhere else."""

from __future__ import annotations

import io
from typing import Any

import pytest

from multiflexi.cli.call import Call
from multiflexi.cli.progress import counted, working


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **options: Any) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    call = Call({"format": "text", **options})
    with counted(call, "rows deleted") as progress:
        if progress:
            progress(7)
    with working(call, "Looking"):
        pass
    return stream.getvalue()


def test_on_a_terminal_the_line_is_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal())
    assert "7 rows deleted" in text
    assert "Looking …" in text
    assert text.endswith("\r\x1b[K")


@pytest.mark.parametrize("options", [{"quiet": True}, {"format": "json"}])
def test_neither_quiet_nor_for_programs(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    assert shown(monkeypatch, Terminal(), **options) == ""


def test_not_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""
