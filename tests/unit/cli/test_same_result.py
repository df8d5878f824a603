"""Every spelling of a call hands the same options to the same command."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import click
from hypothesis import given, settings
from hypothesis import strategies as st

from multiflexi.cli import tree
from multiflexi.cli.declare import Option
from multiflexi.cli.words import resolve

from .test_words import WITH_ACTION, spellings

SAMPLES = {"integer": "7", "boolean": "yes", "path": "/tmp/x", "datetime": "now"}
FRONT = ([], ["--format=json"], ["--format", "json"], ["-f", "json"], ["-fjson"], ["-f=json"])


def sample(option: Option) -> str:
    """A value that an option takes."""
    if choices := getattr(option.type, "choices", ()):
        return str(choices[0])
    name = type(option.type).__name__
    if name in ("Pair", "FieldPair"):
        return "NAME=VALUE"
    return "{}" if name == "JsonObject" else SAMPLES.get(option.type.name, "x")


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that is meant, and what it gets."""
    resolved = resolve(words)
    context = tree.command(resolved.name).make_context(resolved.name, list(resolved.arguments))
    return resolved.name, {name: value for name, value in context.params.items() if name != "format"}


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_all_spellings_are_one_call(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(WITH_ACTION))
    command = tree.command(name)
    options = [one for one in command.declared if one.name != "format"]
    chosen = data.draw(st.lists(st.sampled_from(options), max_size=3, unique_by=id)) if options else []
    plain: list[list[str]] = []
    varied: list[list[str]] = []
    for one in chosen:
        if one.is_flag:
            plain.append([one.opts[0]])
            varied.append([underscored(data, one.opts[0])])
            continue
        value = sample(one)
        plain.append([one.opts[0], value])
        spelling = underscored(data, data.draw(st.sampled_from(one.opts)))
        if spelling.startswith("--") and data.draw(st.booleans()):
            varied.append([f"{spelling}={value}"])
        elif one.positional == "one" and data.draw(st.booleans()):
            varied.append([value])
        else:
            varied.append([spelling, value])
    order = data.draw(st.sampled_from(list(permutations(varied))))
    front = data.draw(st.sampled_from(FRONT)) if "-f" not in {n for one in options for n in one.opts} else []
    words = data.draw(st.sampled_from(spellings(name)))

    expected = parsed([name, *(word for part in plain for word in part)])
    assert parsed([*front, *words, *(word for part in order for word in part)]) == expected


def underscored(data: st.DataObject, spelling: str) -> str:
    """The name with `-` and `_` exchanged at will behind its two dashes."""
    if not spelling.startswith("--"):
        return spelling
    return "--" + "".join(data.draw(st.sampled_from("-_")) if letter in "-_" else letter for letter in spelling[2:])


def test_a_wrong_value_is_refused_in_all_of_them() -> None:
    for words in (["job:list", "--limit", "x"], ["job", "list", "--limit=x"], ["--limit=x", "job", "list"]):
        try:
            parsed(words)
        except click.UsageError:
            continue
        raise AssertionError(words)
