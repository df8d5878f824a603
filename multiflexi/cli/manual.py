"""Texts and structures about the commands, made from their declarations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from multiflexi import __version__
from multiflexi.cli import examples, language, tree
from multiflexi.cli.declare import Argument, Command, Option
from multiflexi.cli.language import gettext as _
from multiflexi.cli.main import PROGRAM
from multiflexi.cli.output.errors import INTERRUPTED, OK, REFUSED, WAITED_TOO_LONG, WRONG_SETTING, WRONG_USE

COLUMN_GAP = 2
COMMON_EXITS = {OK, REFUSED, WRONG_USE, WRONG_SETTING, INTERRUPTED}
OF_CLICK = "Show this message and exit."


def overview() -> str:
    head = f"{PROGRAM} {__version__}\n\n{_usage('NOUN')}\n\n"
    end = _('"%(program)s help NOUN:ACTION" shows the options of a command.') % {"program": PROGRAM}
    return f"{head}{columns(tree.all_commands())}\n{end}\n"


def noun_help(name: str) -> str:
    one = tree.entry(name)
    noun = tree.load(one)
    also = " ".join((_("Also:"), f"{', '.join(one.aliases)}\n")) if one.aliases else ""
    return f"{_usage(name)}\n\n{language.gettext(noun.help)}\n{also}\n{columns(list(noun.commands.values()))}"


def command_help(name: str) -> str:
    command = tree.command(name)
    return command.get_help(click.Context(command, info_name=f"{PROGRAM} {name}", **command.context_settings)) + "\n"


def columns(commands: list[Command]) -> str:
    commands = [one for one in commands if not _is_hidden(one)]
    width = max(len(str(one.name)) for one in commands) + COLUMN_GAP
    return "".join(f"  {one.name!s:<{width}}{language.gettext(str(one.help))}\n" for one in commands)


def texts() -> Iterator[str]:
    """What the declarations tell people; it is translated where it is shown."""
    for one in tree.ENTRIES:
        yield tree.load(one).help
    for command in tree.all_commands():
        yield str(command.help)
        yield from filter(None, (getattr(one, "help", None) for one in command.params))
    yield from examples.remarks()
    yield OF_CLICK


def markdown(commands: list[Command]) -> str:
    sections = []
    for one in commands:
        options = [f"* `--{_long(option)}` {option.help}".rstrip() for option in one.declared]
        sections.append("\n".join([f"## `{one.name}`", "", str(one.help), "", *options, ""]))
    return "\n".join(sections)


def command_list(commands: list[Command], *, short: bool) -> dict[str, Any]:
    """The document of `list --format=json`."""
    nouns: dict[str, list[str]] = {}
    for one in commands:
        nouns.setdefault(str(one.name).partition(":")[0] if ":" in str(one.name) else "_global", []).append(
            str(one.name)
        )
    return {
        "application": {"name": PROGRAM, "version": __version__},
        "commands": [_listed(one, short=short) for one in commands],
        "namespaces": [{"id": noun, "commands": names} for noun, names in nouns.items()],
    }


def _listed(command: Command, *, short: bool) -> dict[str, Any]:
    listed: dict[str, Any] = {"name": command.name, "description": command.help, "hidden": _is_hidden(command)}
    if not short:
        described = description(command)
        listed["usage"] = [f"{command.name} [OPTIONS]"]
        listed["help"] = command.help
        listed["definition"] = {"arguments": described["arguments"] or {}, "options": described["options"] or {}}
    return listed


def description(command: Command) -> dict[str, Any]:
    """One entry of `describe`; the empty lists are what its readers expect."""
    options = {_long(option): _option(option) for option in command.declared}
    arguments = {str(one.name): _argument(one) for one in command.arguments}
    return {
        "description": command.help,
        "arguments": arguments or [],
        "options": options or [],
        "aliases": tree.aliases_of(str(command.name)),
        "hidden": _is_hidden(command),
        "changes_data": command.changes,
        "supports_dry_run": "dry-run" in options,
        "exit_codes": sorted({*COMMON_EXITS, *command.exits, *([WAITED_TOO_LONG] if "wait" in options else [])}),
    }


def _usage(noun: str) -> str:
    return " ".join((_("Usage:"), PROGRAM, f"{noun}:ACTION [OPTIONS]"))


def _is_hidden(command: Command) -> bool:
    """Whether only programs call it."""
    return str(command.name).startswith("_")


def _argument(argument: Argument) -> dict[str, Any]:
    default = argument.to_info_dict().get("default")
    return {"name": argument.name, "is_required": False, "description": argument.help, "default": default}


def _option(option: Option) -> dict[str, Any]:
    spellings = [name for name in option.opts if name.startswith("--")]
    kind = "boolean" if option.is_flag else {"text": "string"}.get(option.type.name, option.type.name)
    return {
        "name": _long(option),
        "shortcut": _shortcut(option),
        "is_value_required": not (option.is_flag or option.value_optional),
        "description": option.help or "",
        "default": _default(option),
        "accept_value": not option.is_flag,
        "is_multiple": option.repeatable,
        "type": kind,
        "choices": list(getattr(option.type, "choices", ())),
        "required": False,
        "aliases": [name[2:] for name in spellings[1:]],
        "secret": option.secret,
    }


def _shortcut(option: Option) -> str | None:
    """The short name of the canonical spelling; one that follows another spelling is an alias, too."""
    second = option.opts[1] if len(option.opts) > 1 else "--"
    return None if second.startswith("--") else second[1:]


def _default(option: Option) -> Any:
    return False if option.is_flag else option.shown_default


def _long(option: Option) -> str:
    return next(name[2:] for name in option.opts if name.startswith("--"))
