"""From the words of the command line to one command and its arguments, before click sees them.

Accepts colon and space form, aliases, unique prefixes of canonical names, and options in front of the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from multiflexi.cli import tree

GLOBAL_VALUE_OPTIONS = {"--format", "--environment", "--fields", "--limit", "--offset", "--order"}
SHORT_VALUE_LAST = re.compile(r"-[hVqvny]*[fe]")
HELP_WORDS = {"-h", "--help"}


class WrongWords(Exception):
    """Words that name no command; `candidates` are the commands they could mean."""

    def __init__(self, message: str, candidates: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.candidates = list(candidates)


class Resolved(NamedTuple):
    """`name` in colon form with its arguments; with `noun_help` the noun alone was called for its help."""

    name: str
    arguments: list[str]
    noun_help: bool = False


def resolve(words: Sequence[str]) -> Resolved:
    """Find the command. Raises WrongWords when nothing or more than one thing is meant."""
    front, rest = _split_leading_options(words)
    if not rest:
        return Resolved("list" if not HELP_WORDS & set(front) else "help", [w for w in front if w not in HELP_WORDS])
    first, rest = rest[0], rest[1:]
    if first in tree.REDIRECTS:
        return _redirected(first, front + rest)
    noun_word, colon, action_word = first.partition(":")
    one = _entry_for(noun_word, colon=bool(colon))
    if one.single:
        return Resolved(one.name, front + rest)
    if not colon:
        between, rest = _split_leading_options(rest)
        front += between
        if not rest or rest[0] == "--":
            return _noun_alone(one, front + rest)
        action_word, rest = rest[0], rest[1:]
    whole = f"{one.name}:{action_word}"
    if whole in tree.REDIRECTS:
        return _redirected(whole, front + rest)
    if whole in tree.FORMER_NOUNS:
        return resolve([*front, tree.FORMER_NOUNS[whole], *rest])
    return Resolved(f"{one.name}:{_action_for(one, action_word)}", front + rest)


def _redirected(name: str, arguments: list[str]) -> Resolved:
    redirect = tree.REDIRECTS[name]
    return Resolved(redirect.target, [*redirect.words, *arguments])


def _noun_alone(one: tree.Entry, arguments: list[str]) -> Resolved:
    if HELP_WORDS & set(arguments):
        return Resolved(one.name, [word for word in arguments if word not in HELP_WORDS], noun_help=True)
    if one.alone:
        return Resolved(f"{one.name}:{one.alone}", arguments)
    names = [f"{one.name}:{action}" for action in tree.load(one).commands]
    raise WrongWords(f'"{one.name}" needs an action', names)


def _split_leading_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    options: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if not word.startswith("-") or word in ("-", "--"):
            break
        options.append(_unmistakable(word))
        position += 1
        takes_next = word in GLOBAL_VALUE_OPTIONS or SHORT_VALUE_LAST.fullmatch(word)
        if takes_next and position < len(words):
            options.append(words[position])
            position += 1
    return options, list(words[position:])


def _unmistakable(option: str) -> str:
    """`-e` and `-f` before the command are the settings file and the format, whatever they mean after it."""
    for short, long in (("-e", "--environment"), ("-f", "--format")):
        if option == short:
            return long
        if option.startswith(short) and not option.startswith("--"):
            return f"{long}={option[2:].removeprefix('=')}"
    return option


def _entry_for(word: str, *, colon: bool) -> tree.Entry:
    entries = [one for one in tree.ENTRIES if not (colon and one.single)]
    for one in entries:
        if word == one.name or word in one.aliases:
            return one
    near = [one for one in entries if word and one.name.startswith(word)]
    if len(near) == 1:
        return near[0]
    if near:
        raise WrongWords(f'"{word}" is ambiguous', [one.name for one in near])
    raise WrongWords(f'There is no command "{word}"; "list" shows all of them')


def _action_for(one: tree.Entry, word: str) -> str:
    commands = tree.load(one).commands
    if word in commands:
        return word
    targets = (tree.NOUN_ACTION_ALIASES.get(one.name, {}).get(word, ""), *tree.ACTION_ALIASES.get(word, ()))
    alias = next((target for target in targets if target in commands), None)
    if alias:
        return alias
    near = [action for action in commands if word and action.startswith(word)]
    if len(near) == 1:
        return near[0]
    names = [f"{one.name}:{action}" for action in near or commands]
    raise WrongWords(f'"{one.name}:{word}" is {"ambiguous" if near else "no command"}', names)


def requested_format(words: Sequence[str]) -> str:
    """The format asked for, judged from the words alone, so that wrong use can be answered in it."""
    found = ""
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else ""
        if word == "--":
            break
        if word in ("--format", "-F"):
            found = following
        elif word.startswith("--format="):
            found = word.removeprefix("--format=")
        elif word.startswith("-F"):
            found = word[2:].removeprefix("=")
        elif word.startswith("-") and not word.startswith("--") and "f" in word:
            flags, _, attached = word[1:].partition("f")
            if not flags.strip("hVqvny"):
                found = attached.removeprefix("=") or following
    return found.lower()
