"""How a command is declared: its noun, its options and the function that does it.

An option is written with all its spellings, the canonical one first; `-` and `_` are equal inside names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import click

from multiflexi.cli import language, values
from multiflexi.cli.call import Call
from multiflexi.cli.language import gettext as _
from multiflexi.cli.output.results import Result

# `--FIO_TOKEN=value`, the older spelling of `--field FIO_TOKEN=value`.
UPPER_CASE = re.compile("--([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)
SHORT_WITH_SIGN = re.compile("-[A-Za-z]=")

Action = Callable[[Call], Result]
Decorated = TypeVar("Decorated", bound=Action)


class Option(click.Option):
    """An option that knows whether its value may be left out and whether it is a global one."""

    value_optional: bool = False
    bare_value: str | None = None
    repeatable: bool = False
    positional: str | None = None
    secret: bool = False
    shown_default: Any = None
    takes_upper_case: bool = False


def value(
    *names: str,
    help: str = "",
    type: Any = str,
    default: Any = None,
    multiple: bool = False,
    positional: str | None = None,
    secret: bool = False,
) -> Option:
    """An option with a value. `positional` = "one" or "many": the value may also be given as argument(s)."""
    # Of an option that selects a record every value is kept, so that two different ones can be refused.
    kept = multiple or positional is not None
    made = Option(
        [values.dest(names[0]), *names], help=help, type=type, default=None if kept else default, multiple=kept
    )
    made.positional = positional
    made.repeatable = multiple
    made.secret = secret
    made.shown_default = [] if multiple else default
    return made


def optional(*names: str, help: str = "", type: Any = str, default: Any = None, bare: str | None = None) -> Option:
    """An option whose bare form means `bare`, by default "not given"."""
    made = value(*names, help=help, type=type, default=default)
    made.value_optional = True
    made.bare_value = bare
    return made


def flag(*names: str, help: str = "") -> Option:
    return Option([values.dest(names[0]), *names], help=help, is_flag=True, default=False)


def format_option(default: str = "text") -> Option:
    return optional(
        "--format", "-f", help="text, json, yaml, csv, ndjson or table", type=values.FORMAT, default=default
    )


def identifier(*names: str, help: str = "Number or natural key", many: bool = False) -> Option:
    """The option that selects the record; also the first argument of the command."""
    return value(*(names or ("--id",)), help=help, multiple=many, positional="many" if many else "one")


def listing() -> list[Option]:
    """The options every list has."""
    return [
        value("--limit", help="At most so many rows; 0 = all", type=values.COUNT),
        value("--offset", help="Leave out so many rows", type=values.COUNT),
        value("--fields", help="Columns, separated by commas"),
        value("--order", help="A, D or COLUMN[:asc|desc]"),
    ]


def fields() -> Option:
    return optional("--fields", help="Members to show, separated by commas")


def dry_run() -> Option:
    return flag("--dry-run", help="Show what would change and change nothing")


@cache
def global_options() -> tuple[Option, ...]:
    """The options of every command; the commands share them, because making them takes time at every start."""
    return (
        flag("--quiet", "-q", help="No output but errors"),
        Option(["verbose", "--verbose", "-v"], count=True, help="Say more; -vv adds logs, -vvv debugging"),
        flag("--no-interaction", "-n", help="Never ask, take the default answer"),
        flag("--yes", "-y", help="Answer yes to questions"),
        Option(["colour", "--ansi/--no-ansi"], default=None, help="Force or forbid colour"),
        value("--environment", "-e", help="Settings file"),
        flag("--no-headers", help="Tables and CSV without the header line"),
        flag("--wide", help="Tables with all columns"),
        flag("--version", "-V", help="Show the version"),
    )


class Argument(click.Argument):
    """A word without a name in front of it."""

    help: str = ""


def argument(name: str, help: str, default: str | None = None) -> Argument:
    made = Argument([name], required=False, default=default, metavar=f"[{name.upper()}]")
    made.help = help
    return made


class Command(click.Command):
    """A command of a noun; `work` does it, everything else describes it."""

    def __init__(
        self,
        name: str,
        work: Action,
        parameters: Sequence[Option | Argument],
        help: str,
        *,
        database: bool,
        changes: bool,
        creates: bool = False,
        exits: Sequence[int] = (),
    ) -> None:
        self.declared = [one for one in parameters if isinstance(one, Option)]
        self.arguments = [one for one in parameters if isinstance(one, Argument)]
        self.work = work
        self.database = database
        self.changes = changes
        self.creates = creates
        self.exits = exits
        taken = {spelling for option in self.declared for spelling in option.opts}
        shared = [_without(one, taken) for one in global_options()]
        identifiers = [
            click.Argument([f"_{option.name}"], required=False, nargs=-1, metavar=_metavar(option))
            for option in self.declared
            if option.positional
        ]
        super().__init__(
            name,
            params=[*self.arguments, *identifiers, *self.declared, *shared],
            help=help,
            context_settings={
                "token_normalize_func": lambda token: token.replace("_", "-"),
                "help_option_names": ["-h", "--help"],
                "max_content_width": 110,
            },
        )

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix=_("Usage:") + " ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(language.gettext(str(self.help)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = [one.get_help_record(ctx) for one in self.get_params(ctx)]
        with formatter.section(_("Options")):
            formatter.write_dl([(names, language.gettext(text)) for names, text in filter(None, records)])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from multiflexi.cli import examples

        if calls := examples.of(str(self.name), language.gettext):
            with formatter.section(_("Examples")):
                formatter.write("".join(f"  {call}\n" for call in calls))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, self._settle_missing_values(ctx, args))
        for option in self.declared:
            if option.positional:
                _merge_positional(ctx, option)
        return rest

    def _settle_missing_values(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Drop bare options whose value may be left out; refuse an option where a value is due.

        click would take the next option for the value.
        """
        by_name = {_plain(name): one for one in self.params if isinstance(one, Option) for name in one.opts}
        upper = next((one for one in self.declared if one.takes_upper_case), None)
        settled: list[str] = []
        position = 0
        while position < len(args):
            word = args[position]
            position += 1
            if word == "--":
                return [*settled, word, *args[position:]]
            if upper and (found := UPPER_CASE.fullmatch(word)):
                settled.append(f"{upper.opts[0]}={found[1]}={found[2]}")
                continue
            if SHORT_WITH_SIGN.match(word) and (option := by_name.get(word[:2])) and not option.is_flag:
                settled += [word[:2], word[3:]]
                continue
            option = by_name.get(_plain(word))
            if option is None or option.is_flag or option.count:
                settled.append(word)
                continue
            following = args[position] if position < len(args) else None
            if following is not None and not _is_option(following, by_name):
                settled += [f"{word}={following}"] if word.startswith("--") else [word, following]
                position += 1
            elif not option.value_optional:
                way_out = f" One that begins with -- is written {word}=VALUE." if following else ""
                raise click.BadOptionUsage(word, f"Option {word} requires a value.{way_out}", ctx=ctx)
            elif option.bare_value is not None:
                settled.append(f"{word}={option.bare_value}")
        return settled


def _without(option: Option, taken: set[str]) -> Option:
    """The global option, without a short name that the command gives another meaning."""
    if not taken & set(option.opts):
        return option
    return Option([str(option.name), *(one for one in option.opts if one not in taken)], help=option.help)


def _plain(word: str) -> str:
    return word.replace("_", "-")


def _is_option(word: str, known: dict[str, Option]) -> bool:
    name = _plain(word.partition("=")[0])
    return name in known or (word.startswith("--") and len(word) > 2)


def _metavar(option: Option) -> str:
    name = max(option.opts, key=len).lstrip("-").upper() if not option.opts else option.opts[0].lstrip("-").upper()
    return f"[{name}]..." if option.positional == "many" else f"[{name}]"


def _merge_positional(ctx: click.Context, option: Option) -> None:
    given = [str(one) for one in ctx.params.pop(f"_{option.name}", ())]
    every = [*(ctx.params.get(str(option.name)) or ()), *given]
    if option.positional == "many":
        ctx.params[str(option.name)] = every
        return
    if len({str(one) for one in every}) > 1 or len(given) > 1:
        raise click.UsageError(f"{option.opts[0]} is given more than once with different values.", ctx=ctx)
    ctx.params[str(option.name)] = every[0] if every else None


class Noun:
    """An entity with its commands in the order they are declared."""

    def __init__(self, name: str, help: str) -> None:
        self.name = name
        self.help = help
        self.commands: dict[str, Command] = {}

    def command(
        self,
        action: str,
        help: str,
        *parameters: Option | Argument | list[Option],
        output: Option | None = None,
        database: bool = True,
        changes: bool = False,
        creates: bool = False,
        exits: Sequence[int] = (),
    ) -> Callable[[Decorated], Decorated]:
        """Register the decorated function as `noun:action`; commands of one word belong to a noun without name.

        `creates` lets the command make the file of an embedded database that does not exist yet. `exits` are the exit
        codes it may end with beside those of all commands and of `--wait`.
        """
        flat: list[Option | Argument] = [output or format_option()]
        for one in parameters:
            flat += one if isinstance(one, list) else [one]
        name = f"{self.name}:{action}" if self.name else action

        def register(work: Decorated) -> Decorated:
            self.commands[action] = Command(
                name, work, flat, help, database=database, changes=changes, creates=creates, exits=exits
            )
            return work

        return register
