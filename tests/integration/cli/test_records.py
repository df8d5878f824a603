"""The members of every record, their order and their types, on filled tables and on empty ones."""

from __future__ import annotations

import pytest

from .calls import SUCCEEDS
from .conftest import Cli
from .plot import Plot
from .records import AS_IN_THE_LIST, RECORDS, deviations, type_of


def test_members_and_types(cli: Cli, plot: Plot) -> None:
    for name in (*RECORDS, *AS_IN_THE_LIST):
        shown = cli(name, *plot.words(SUCCEEDS[name]), "--format=json").json
        records = shown if isinstance(shown, list) else [shown]
        assert records, name
        assert [found for record in records for found in deviations(record, type_of(name))] == [], name


@pytest.mark.parametrize("name", [name for name in RECORDS if name.endswith(":list")])
def test_nothing_is_an_empty_array(cli: Cli, name: str) -> None:
    for format, written in (("json", "[]"), ("yaml", "[]"), ("ndjson", ""), ("csv", "")):
        outcome = cli(name, "--offset", 10000, f"--format={format}")
        assert (outcome.code, outcome.out.strip()) == (0, written)


def test_binary_content_is_base64_and_texts_are_ascii(cli: Cli, plot: Plot) -> None:
    outcome = cli("artifact:list", "--format=json")
    assert {one["filename"]: (one["artifact"], one["encoding"]) for one in outcome.json} == {
        "stdout.txt": ("řádek\n", "utf-8"),
        "data.bin": ("/wAB", "base64"),
    }
    assert outcome.out.isascii()


def test_the_environment_of_a_job_is_an_object_of_texts(cli: Cli, plot: Plot) -> None:
    shown = cli("job:get", plot.names["ended"], "--format=json").json["env"]
    assert shown == {"GREETING": "hello", "API_KEY": "••••••••", "COUNT": "1"}
    assert cli("job:get", plot.names["waiting"], "--format=json").json["env"] == {}
