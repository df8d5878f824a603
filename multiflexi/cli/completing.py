"""What a shell may offer for the word at the cursor: commands, options, values, and names out of the database."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from multiflexi.cli import language, tree, words
from multiflexi.cli.declare import Command, Option
from multiflexi.cli.language import gettext as _

Offer = tuple[str, str]

SECONDS = 0.3
STATES = ("pending", "queued", "running", "finishing", "success", "failed", "timeout", "terminated", "lost", "blocked")
CHOICES: dict[str, tuple[str, ...]] = {
    "executor": ("Native", "Docker", "Podman", "Kubernetes", "Azure"),
    "interv": ("manual", "minutely", "hourly", "daily", "weekly", "monthly", "yearly", "custom"),
    "overlap": ("queue-one", "skip", "allow"),
    "catch_up": ("latest", "none", "all"),
    "retry_backoff": ("none", "fixed", "linear", "exponential"),
}
STATUS_OF_JOBS = (*STATES, "cancelled", "completed")
# Options that name a record, by their inner name; `id` and its like mean the noun of the command.
REFERENCES = {
    "company": "company",
    "company_id": "company",
    "app_id": "application",
    "app_uuid": "application",
    "runtemplate_id": "run-template",
    "job_id": "job",
    "credential_id": "credential",
    "credential_type_id": "credential-type",
    "class": "credential-prototype",
}
OWN = ("id", "name", "code", "slug", "login")


def offers(given: Sequence[str], environment: str | None = None) -> list[Offer]:
    """Words that fit in place of the last one of `given`, with what they mean; the program's name is not among them."""
    *before, word = given or [""]
    with suppress(words.WrongWords):
        first = [one for one in before if not one.startswith("-")]
        if not first:
            return _begins(_commands(word), word)
        if len(first) == 1 and ":" not in first[0] and not (one := _noun(first[0])).single:
            return _begins(
                ((action, language.gettext(str(each.help))) for action, each in tree.load(one).commands.items()), word
            )
        command = tree.command(words.resolve(before).name)
        return _begins(_of_command(command, before, word, environment), word)
    return []


def _noun(word: str) -> tree.Entry:
    found = next((one for one in tree.ENTRIES if word in (one.name, *one.aliases)), None)
    if found is None:
        raise words.WrongWords(word)
    return found


def _begins(found: Iterable[Offer], word: str) -> list[Offer]:
    return [one for one in found if one[0].startswith(word)]


def _commands(word: str) -> Iterator[Offer]:
    if word.startswith("-"):
        yield from (
            ("--help", _("Show help")),
            ("--version", _("Show the version")),
            ("--environment", _("Settings file")),
        )
    elif ":" in word:
        one = _noun(word.partition(":")[0])
        spelled = word.partition(":")[0]
        yield from (
            (f"{spelled}:{action}", language.gettext(str(each.help)))
            for action, each in tree.load(one).commands.items()
        )
    else:
        for one in tree.ENTRIES:
            if not one.name.startswith(word or tuple("abcdefghijklmnopqrstuvwxyz")):
                continue
            if one.single:
                yield one.name, language.gettext(str(tree.load(one).commands[one.name].help))
            else:
                yield from (
                    (str(each.name), language.gettext(str(each.help))) for each in tree.load(one).commands.values()
                )


def _of_command(command: Command, before: Sequence[str], word: str, environment: str | None) -> Iterator[Offer]:
    options = [one for one in command.params if isinstance(one, Option)]
    if word.startswith("--") and "=" in word:
        name, _sign, part = word.partition("=")
        option = _named(options, name)
        values = _values(command, option, part, environment) if option else []
        yield from ((f"{name}={value}", about) for value, about in values)
    elif word.startswith("-"):
        for one in options:
            yield from ((name, language.gettext(str(one.help or ""))) for name in one.opts if name.startswith("--"))
    elif (option := _named(options, before[-1])) and not (option.is_flag or option.count):
        yield from _values(command, option, word, environment)
    else:
        positional = next((one for one in command.declared if one.positional), None)
        if positional:
            yield from _values(command, positional, word, environment)
        elif command.name == "completion":
            yield from ((shell, "") for shell in ("bash", "zsh", "fish"))
        elif command.name in ("help", "list"):
            yield from _commands(word)


def _named(options: Iterable[Option], name: str) -> Option | None:
    plain = name.replace("_", "-")
    return next((one for one in options if plain in [spelling.replace("_", "-") for spelling in one.opts]), None)


def _values(command: Command, option: Option, word: str, environment: str | None) -> list[Offer]:
    noun = str(command.name).partition(":")[0]
    name = str(option.name)
    choices: Iterable[str] = CHOICES.get(name, getattr(option.type, "choices", ()))
    if name == "status" and noun == "job":
        choices = STATUS_OF_JOBS
    elif option.type.name == "boolean":
        choices = ("true", "false")
    elif name == "only" and noun == "doctor":
        from multiflexi.services.doctor import GROUPS

        choices = GROUPS
    if choices:
        return [(one, "") for one in choices]
    target = REFERENCES.get(name) or (noun if name in OWN else None)
    return _from_database(target, word, environment) if target else []


def _from_database(noun: str, word: str, environment: str | None) -> list[Offer]:
    """Names that exist; nothing, and nothing said, when they are not at hand in time."""
    found: list[Offer] = []

    def ask() -> None:
        with suppress(Exception):
            from multiflexi.record.actor import Actor
            from multiflexi.services.suggestions import suggestions

            found.extend(suggestions(Actor(user_id=None, origin="cli"), noun, word))

    with suppress(Exception):
        from multiflexi.cli import startup

        startup.prepare(environment)
        # A server that does not answer must not hold up the person at the keyboard.
        asking: Any = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(SECONDS)
    return list(found)
