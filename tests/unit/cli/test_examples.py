"""Every command shows how it is called, and what it shows is accepted."""

from __future__ import annotations

import shlex

import pytest

from multiflexi.cli import examples, manual, tree, words

PROGRAM = "multiflexi-cli"
SHOWN = [line for one in tree.all_commands() for line in examples.of(str(one.name))]


def test_every_command_shows_a_call() -> None:
    assert [str(one.name) for one in tree.all_commands() if not examples.of(str(one.name))] == ["_complete"]
    assert len(SHOWN) == len(set(SHOWN)) == len(examples.CALLS.strip().splitlines())


@pytest.mark.parametrize("line", SHOWN)
def test_what_is_shown_is_accepted(line: str) -> None:
    program, *call = shlex.split(line, comments=True)
    assert program == PROGRAM
    resolved = words.resolve(call)
    tree.command(resolved.name).make_context("x", list(resolved.arguments))


def test_help_ends_with_the_calls() -> None:
    text = manual.command_help("job:logs")
    assert text.endswith(
        "Examples:\n  multiflexi-cli job:logs 42 --follow\n  multiflexi-cli job:logs 42 --stderr --tail 20\n"
    )
