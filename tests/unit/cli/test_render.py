"""Every format says the same, as exactly one document."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from multiflexi.cli.output.render import Style, Writer
from multiflexi.cli.output.results import Document, Done, Record, Result, Rows

ROWS: list[dict[str, Any]] = [
    {"id": 1, "enabled": True, "name": "Žluťoučký\nkůň", "at": datetime(2026, 7, 1, 10, tzinfo=UTC), "env": {}},
    {"id": 2, "enabled": False, "name": None, "at": None, "env": {"A": "1"}},
]


def rendered(
    result: Result,
    format: str = "json",
    warnings: io.StringIO | None = None,
    *,
    out: io.StringIO | None = None,
    **style: Any,
) -> str:
    out = out or io.StringIO()
    wanted = {
        "format": format,
        "fields": (),
        "verbose": 0,
        "wide": False,
        "headers": True,
        "colour": None,
        "zone": lambda: ZoneInfo("Europe/Prague"),
        **style,
    }
    Writer(out, warnings or io.StringIO(), Style(**wanted)).write(result)
    return out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


NASTY = "\x1b[2Jred\ttab\x9b\x7f\r"
SHOWN = "\\x1b[2Jred\ttab\\x9b\\x7f\\x0d"


@pytest.mark.parametrize(
    "result",
    [
        Record({"name": NASTY}),
        Done({}, NASTY),
        Document({}, lambda: NASTY),
        Rows([{"line": NASTY}], ("line",), text=lambda row: str(row["line"])),
    ],
)
def test_control_characters_are_shown_on_a_terminal_and_kept_in_a_pipe(result: Result) -> None:
    assert NASTY in rendered(result, "text")
    text = rendered(result, "text", out=Terminal())
    assert SHOWN in text
    assert "\x1b" not in text


def test_a_table_on_a_terminal_shows_control_characters() -> None:
    text = rendered(Rows([{"name": "\x1b]0;title\x07"}], ("name",)), "text", out=Terminal(), colour=False)
    assert "\\x1b]0;title\\x07" in text
    assert "\x1b]0" not in text


def rows(found: list[dict[str, Any]] | None = None) -> Rows:
    return Rows(iter(ROWS if found is None else found), ("id", "name"))


def test_json_is_ascii_indented_by_four_with_numbers_for_booleans() -> None:
    text = rendered(rows())
    assert text.isascii()
    assert '\n        "enabled": 1,' in text
    assert json.loads(text)[0]["at"] == "2026-07-01 12:00:00"
    assert list(json.loads(text)[0]) == list(ROWS[0])
    assert json.loads(text)[1] == {"id": 2, "enabled": 0, "name": None, "at": None, "env": {"A": "1"}}


@pytest.mark.parametrize(("format", "empty"), [("json", "[]\n"), ("csv", ""), ("ndjson", ""), ("yaml", "[]\n")])
def test_empty_lists(format: str, empty: str) -> None:
    assert rendered(rows([]), format) == empty
    assert rendered(rows([]), "text") == "No data\n"


def test_all_formats_agree() -> None:
    expected = json.loads(rendered(rows()))
    assert yaml.safe_load(rendered(rows(), "yaml")) == expected
    assert [json.loads(line) for line in rendered(rows(), "ndjson").splitlines()] == expected
    header, first, second = csv.reader(io.StringIO(rendered(rows(), "csv")))
    assert header == list(ROWS[0])
    assert first == ["1", "1", "Žluťoučký\nkůň", "2026-07-01 12:00:00", "{}"]
    assert second == ["2", "0", "", "", '{"A": "1"}']


def test_text_has_one_line_per_row_and_only_the_short_columns() -> None:
    lines = rendered(rows(), "text").splitlines()
    assert lines == ["id  name", "1   Žluťoučký kůň", "2"]
    assert len(rendered(rows(), "text", wide=True).splitlines()[0].split()) == len(ROWS[0])
    assert rendered(rows(), "text", headers=False).startswith("1 ")


def test_fields_come_in_the_order_asked_and_unknown_ones_are_told() -> None:
    warnings = io.StringIO()
    text = rendered(rows(), fields=("name", "nope", "id"), warnings=warnings)
    assert [list(row) for row in json.loads(text)] == [["name", "id"]] * 2
    assert "nope" in warnings.getvalue()
    assert list(json.loads(rendered(Record(ROWS[1]), fields=("at", "id")))) == ["at", "id"]


def test_a_record_is_one_line_per_member() -> None:
    assert rendered(Record(ROWS[1]), "text") == 'id: 2\nenabled: 0\nname: \nat: \nenv: {"A": "1"}\n'


def test_a_change_keeps_real_booleans_and_verbose_shows_the_record() -> None:
    done = Done({"updated": True}, "Thing 2 updated", lambda: Record(ROWS[1]))
    assert json.loads(rendered(done)) == {"updated": True}
    assert rendered(done, "text") == "Thing 2 updated\n"
    assert json.loads(rendered(done, verbose=1))["enabled"] == 0
    assert rendered(done, "text", verbose=1).startswith("id: 2\n")


def test_a_document_has_its_own_text() -> None:
    document = Document({"a": [1]}, lambda: "one\n")
    assert rendered(document, "text") == "one\n"
    assert json.loads(rendered(document)) == {"a": [1]}


def test_nothing_is_written_before_the_first_row_is_there() -> None:
    def broken() -> Any:
        raise RuntimeError("the database went away")
        yield

    out = io.StringIO()
    style = Style("json", (), 0, False, True, None, lambda: UTC)
    with pytest.raises(RuntimeError):
        Writer(out, io.StringIO(), style).write(Rows(broken(), ()))
    assert out.getvalue() == ""
