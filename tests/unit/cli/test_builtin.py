"""help, list, version and describe."""

from __future__ import annotations

import json

import pytest
import yaml

from multiflexi.cli import tree
from multiflexi.cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("help --help", "Usage: multiflexi-cli help"),
        ("help", "Usage: multiflexi-cli NOUN:ACTION"),
        ("", "job:list"),
        ("list", "job:list"),
        ("list job", "job:retry"),
        ("list --format md", "## `job:list`"),
        ("help job:list", "--status"),
        ("help company", "company:create"),
        ("user --help", "user:create"),
        ("help runtemplate", "run-template:schedule"),
        ("job:list --help", "--runtemplate"),
        ("job list -h", "--status"),
        ("version", "multiflexi-cli 3"),
        ("company:create --version", "multiflexi-cli 3"),
    ],
)
def test_texts_on_standard_output(capsys: Captured, words: str, expected: str) -> None:
    assert main(words.split()) == 0
    captured = capsys.readouterr()
    assert expected in captured.out
    assert captured.err == ""


def test_a_noun_alone_lists_its_actions_as_an_error(capsys: Captured) -> None:
    assert main(["company"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "company:create" in captured.err


def test_describe_is_json_unless_asked_otherwise(capsys: Captured) -> None:
    main(["describe"])
    described = json.loads(capsys.readouterr().out)
    assert set(described) == {str(one.name) for one in tree.all_commands()} - {"describe"}
    main(["describe", "--format=yaml"])
    assert yaml.safe_load(capsys.readouterr().out) == described


def test_list_as_json(capsys: Captured) -> None:
    main(["list", "--format", "json"])
    listed = json.loads(capsys.readouterr().out)
    assert listed["application"]["name"] == "multiflexi-cli"
    command = next(one for one in listed["commands"] if one["name"] == "job:list")
    assert "status" in command["definition"]["options"]
    assert "job:list" in next(one for one in listed["namespaces"] if one["id"] == "job")["commands"]
    main(["list", "job", "--format", "json", "--short"])
    assert "definition" not in json.loads(capsys.readouterr().out)["commands"][0]


@pytest.mark.parametrize("words", ["list nope", "help nope", "help job:nope", "list --format pdf"])
def test_wrong_use(capsys: Captured, words: str) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err
