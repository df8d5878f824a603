"""The manual of the programs that are no commands, from their own options and the settings they read."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from multiflexi.cli.manpages import ABOUT_FILE, FILE
from multiflexi.cli.roff import head, plain, text
from multiflexi.environ import Setting


@dataclass(frozen=True)
class Program:
    """A program and its page; `groups` are titles of the settings it reads, `see` other pages with their sections."""

    name: str
    section: int
    summary: str
    parser: argparse.ArgumentParser | None
    codes: tuple[tuple[int, str], ...]
    groups: tuple[str, ...] = ()
    see: tuple[tuple[str, int], ...] = (("multiflexi-cli", 1),)
    about: str = ""

    @property
    def file(self) -> str:
        return f"{self.name}.{self.section}"

    @property
    def synopsis(self) -> str:
        words = [_value(one, "[{}]" if one.nargs in ("?", "*") else "{}") for one in self.arguments]
        return " ".join(["[OPTIONS]" if self.parser else "[ARGUMENTS]", *words])

    @property
    def arguments(self) -> list[argparse.Action]:
        return [one for one in self._actions if not one.option_strings]

    @property
    def options(self) -> list[argparse.Action]:
        return [one for one in self._actions if one.option_strings]

    @property
    def paragraphs(self) -> list[str]:
        return [one for one in (self.parser.description if self.parser else "", self.about) if one]

    @property
    def _actions(self) -> Sequence[argparse.Action]:
        return self.parser._actions if self.parser else ()


def man(program: Program, declared: Sequence[Setting]) -> str:
    """The man page of a program."""
    lines = [*head(program.name, program.section, program.summary)]
    lines.append(f".B {plain(program.name)}\n{text(program.synopsis)}")
    lines.append(".SH DESCRIPTION")
    for number, paragraph in enumerate(program.paragraphs):
        lines += [".PP"] * bool(number) + [text(paragraph)]
    if program.parser:
        lines.append(".SH OPTIONS")
        for one in [*program.arguments, *program.options]:
            lines += [".TP", _spelled(one, "\\fB{}\\fR", "\\fI{}\\fR"), text(_help(one))]
    lines.append(".SH EXIT STATUS")
    for code, meaning in program.codes:
        lines += [".TP", f".B {code}", text(meaning)]
    if program.groups:
        lines += [".SH ENVIRONMENT", text("Settings, from the process environment or else from the settings file:")]
        for setting in _read_by(program, declared):
            lines += [".TP", f".B {plain(setting.name)}", text(setting.help)]
    lines += [".SH FILES", ".TP", f".I {plain(FILE)}", text(ABOUT_FILE), ".SH SEE ALSO"]
    lines.append(",\n".join(f".BR {plain(name)} ({section})" for name, section in program.see))
    return "\n".join(lines) + "\n"


def markdown(programs: Iterable[Program]) -> Iterator[str]:
    """The lines of the reference page."""
    for program in programs:
        yield f"## `{program.name}`\n"
        yield f"`{program.name} {program.synopsis}`\n"
        yield from (f"{one}\n" for one in program.paragraphs)
        for one in [*program.arguments, *program.options]:
            yield f"* {_spelled(one, '`{}`', '`{}`')} {_help(one)}"
        yield "\n| Exit code | Meaning |\n|---|---|" if program.parser else "| Exit code | Meaning |\n|---|---|"
        yield from (f"| {code} | {meaning} |" for code, meaning in program.codes)
        if program.groups:
            yield f"\n[Settings](settings.md): {', '.join(program.groups)}."
        yield ""


def _read_by(program: Program, declared: Sequence[Setting]) -> list[Setting]:
    return [setting for group in program.groups for setting in declared if setting.group == group]


def _spelled(one: argparse.Action, name: str, value: str) -> str:
    """An option or argument; `name` and `value` are how each of the two looks."""
    is_roff = "\\f" in name
    shown = plain if is_roff else str
    if not one.option_strings:
        return value.format(shown(_value(one, "{}")))
    names = ", ".join(name.format(shown(word)) for word in one.option_strings)
    return names if one.nargs == 0 else f"{names} {value.format(shown(_value(one, '{}')))}"


def _value(one: argparse.Action, form: str) -> str:
    metavar = one.metavar if isinstance(one.metavar, str) else one.dest.upper()
    return form.format(metavar) + ("..." if one.nargs == "*" else "")


def _help(one: argparse.Action) -> str:
    return (one.help or "").replace("%%", "%")
