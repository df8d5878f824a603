"""Options and arguments of commands."""

from __future__ import annotations

from typing import Any

import click
import pytest

from multiflexi.cli import values
from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, flag, identifier, listing, optional, value
from multiflexi.cli.output.results import Done

NOUN = Noun("thing", "Things")


@NOUN.command(
    "change",
    "Change a thing",
    identifier("--id"),
    value("--company_id", "--company"),
    value("--count", type=values.COUNT),
    value("--on", type=values.BOOLEAN),
    value("--config", type=values.PAIR, multiple=True),
    value("--state", type=values.Word("queue-one", "allow")),
    optional("--ic"),
    optional("--secret", type=values.BOOLEAN, bare="1"),
    value("--output", "-o"),
    flag("--cascade"),
    listing(),
)
def change(call: Call) -> Done:
    return Done({}, "")


@NOUN.command("load", "Load files", value("--file", "--json", positional="many"), database=False)
def load(call: Call) -> Done:
    return Done({}, "")


@NOUN.command("many", "Change things", identifier("--id", many=True), database=False)
def many(call: Call) -> Done:
    return Done({}, "")


def parsed(words: list[str], action: str = "change") -> dict[str, Any]:
    return dict(NOUN.commands[action].make_context("thing", list(words)).params)


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        (["--company_id", "3"], "company_id", "3"),
        (["--company-id=3"], "company_id", "3"),
        (["--company=acme"], "company_id", "acme"),
        (["-f=json"], "format", "json"),
        (["-fJSON"], "format", "json"),
        (["-nf", "yaml"], "format", "yaml"),
        (["-e=/x.env"], "environment", "/x.env"),
        (["-o=a=b"], "output", "a=b"),
        (["-o=-5"], "output", "-5"),
        (["--secret"], "secret", True),
        (["--secret", "--cascade"], "secret", True),
        (["--secret", "0"], "secret", False),
        ([], "secret", None),
        (["--id", "5", "--id=5"], "id", "5"),
        ([], "id", None),
        (["--format", "table"], "format", "text"),
        (["--format"], "format", "text"),
        (["--format", "--cascade"], "format", "text"),
        (["--ic", ""], "ic", ""),
        (["--ic", "--cascade"], "ic", None),
        (["--ic=-5"], "ic", "-5"),
        (["--ic", "-"], "ic", "-"),
        (["--count", "0"], "count", 0),
        (["--count", ""], "count", ""),
        (["--on", "YES"], "on", True),
        (["--on=off"], "on", False),
        (["--on", ""], "on", None),
        (["--config", "A=1", "--config", "B=x=y", "--config", "C="], "config", (("A", "1"), ("B", "x=y"), ("C", ""))),
        (["--state", "QUEUE_ONE"], "state", "queue-one"),
        (["5"], "id", "5"),
        (["--cascade", "5", "--ic", "1"], "id", "5"),
        (["5", "--id", "5"], "id", "5"),
        (["-vv"], "verbose", 2),
        (["--", "-5"], "id", "-5"),
    ],
)
def test_accepted(words: list[str], name: str, expected: Any) -> None:
    assert parsed(words)[name] == expected


@pytest.mark.parametrize(
    "words",
    [
        ["--count", "-1"],
        ["--count", "1.5"],
        ["--count"],
        ["--company_id", "--ic", "1"],
        ["--company_id"],
        ["--on", "maybe"],
        ["--config", "novalue"],
        ["--config", "=x"],
        ["--state", "other"],
        ["--format", "pdf"],
        ["--comp", "x"],
        ["--nope"],
        ["5", "6"],
        ["5", "--id=6"],
        ["--id=5", "--id=6"],
        ["--cascade=1"],
    ],
)
def test_wrong_use(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parsed(words)


def test_repeatable_identifiers_come_from_both_places() -> None:
    assert parsed(["--id", "1", "2", "3"], "many")["id"] == ["1", "2", "3"]
    assert parsed([], "many")["id"] == []


def test_every_file_counts_however_it_is_given() -> None:
    assert parsed(["--file", "a", "--json=b", "c"], "load")["file"] == ["a", "b", "c"]


def test_an_option_that_was_not_given_differs_from_an_empty_one() -> None:
    call = Call(parsed(["--ic", ""]))
    assert call.given("ic", "company_id", "config") == {"ic": ""}


@pytest.mark.parametrize("text", ["API_KEY:hunter2", "hunter2", "=hunter2"])
def test_what_may_be_a_secret_is_not_repeated(text: str) -> None:
    with pytest.raises(click.BadParameter, match="KEY=VALUE") as refused:
        parsed(["--config", text])
    assert "hunter2" not in refused.value.format_message()
