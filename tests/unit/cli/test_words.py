"""The grammar of commands: every spelling of a command means the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiflexi.cli import tree
from multiflexi.cli.words import WrongWords, requested_format, resolve

COMMANDS = [str(one.name) for one in tree.all_commands()]
WITH_ACTION = [name for name in COMMANDS if ":" in name]
LEADING = [
    [],
    ["--format=json"],
    ["-f", "json"],
    ["-fjson"],
    ["-nf", "json"],
    ["--format", "json", "-v"],
    ["--limit=5"],
]


def prefixes(name: str, names: list[str]) -> Iterator[str]:
    """Shorter forms of a name that mean only it."""
    for length in range(1, len(name)):
        short = name[:length]
        if short not in names and sum(other.startswith(short) for other in names) == 1:
            yield short


@cache
def spellings(name: str) -> list[list[str]]:
    """All ways to say a command, as words."""
    noun, _, action = name.partition(":")
    one = tree.entry(noun)
    aliases = {alias for entry in tree.ENTRIES for alias in entry.aliases}
    names = [entry.name for entry in tree.ENTRIES]
    actions = [*tree.load(one).commands, *(word for words in (tree.ACTION_ALIASES,) for word in words)]
    actions += list(tree.NOUN_ACTION_ALIASES.get(noun, {}))
    nouns = [noun, *one.aliases, *(short for short in prefixes(noun, names) if short not in aliases | {"run"})]
    words = [action, *prefixes(action, actions)]
    found = [spelling for n in nouns for a in words for spelling in ([f"{n}:{a}"], [n, a])]
    return found + [alias.split(":") for alias in tree.aliases_of(name) if ":" in alias]


@given(st.data())
def test_every_spelling_reaches_the_same_command(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(WITH_ACTION))
    words = data.draw(st.sampled_from(spellings(name)))
    leading = data.draw(st.sampled_from(LEADING))
    between = data.draw(st.sampled_from(LEADING)) if len(words) == 2 else []
    rest = ["--id", "7"]

    resolved = resolve([*leading, *words[:1], *between, *words[1:], *rest])

    assert resolved.name == name
    assert resolved.arguments[-2:] == rest
    assert len(resolved.arguments) == len(leading) + len(between) + len(rest)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("apps:list", "application:list"),
        ("app import-json", "application:import-json"),
        ("application showconfig", "application:show-config"),
        ("companyapp list", "company-app:list"),
        ("company assign-app", "company-app:assign"),
        ("company:unassign-app", "company-app:unassign"),
        ("crprototype import", "credential-prototype:import-json"),
        ("credprototype:list", "credential-prototype:list"),
        ("schedule:list", "queue:list"),
        ("queue:status", "queue:overview"),
        ("queue", "queue:overview"),
        ("setup", "setup:init"),
        ("runtemplate:show", "run-template:get"),
        ("run-template:run", "run-template:schedule"),
        ("runtemplate:rm", "run-template:delete"),
        ("company:delete", "company:remove"),
        ("user show", "user:get"),
        ("artifact:show", "artifact:show"),
        ("job:remove", "job:delete"),
        ("run 5", "job:run"),
        ("appstatus", "status"),
        ("st", "status"),
    ],
)
def test_documented_aliases(words: str, name: str) -> None:
    assert resolve(words.split()).name == name


def test_an_alias_may_bring_words_along() -> None:
    assert resolve(["run-template:env", "4"]).arguments == ["--env-only", "4"]


def test_e_before_the_command_is_always_the_settings_file() -> None:
    assert resolve(["-e", "x.env", "job:list"]).arguments == ["--environment", "x.env"]
    assert resolve(["-ex.env", "job", "list"]).arguments == ["--environment=x.env"]


def test_no_word_lists_the_commands() -> None:
    assert resolve([]).name == "list"
    assert resolve(["--help"]).name == "help"


@pytest.mark.parametrize("words", [["company", "--help"], ["-h", "company"]])
def test_help_of_a_noun(words: list[str]) -> None:
    resolved = resolve(words)
    assert (resolved.name, resolved.noun_help) == ("company", True)


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        ("company", {"company:list", "company:get", "company:create"}),
        ("co:list", {"company", "company-app"}),
        ("user:x", {"user:list", "user:delete"}),
        ("nope:list", set()),
        (":list", set()),
    ],
)
def test_words_that_mean_nothing_or_too_much(words: str, candidates: set[str]) -> None:
    with pytest.raises(WrongWords) as caught:
        resolve([words])
    assert candidates <= set(caught.value.candidates)


@pytest.mark.parametrize(
    ("words", "format"),
    [
        ("job:list --format=JSON", "json"),
        ("job:list --format yaml", "yaml"),
        ("-fjson job:list", "json"),
        ("-f=json job:list", "json"),
        ("job:list -nf json", "json"),
        ("job:list -f json -f text", "text"),
        ("job:list -- --format=json", ""),
        ("job:list --fields f", ""),
        ("job:list", ""),
    ],
)
def test_format_is_known_before_the_words_are_understood(words: str, format: str) -> None:
    assert requested_format(words.split()) == format
