"""Man pages from the declarations of the commands: one of the program, one for each noun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from multiflexi.cli import examples, tree
from multiflexi.cli.declare import Command, Option, global_options
from multiflexi.cli.main import PROGRAM
from multiflexi.cli.roff import head, plain, text

SECTION = 1
SUMMARY = "run scheduled and evented jobs of many companies"
FILE = "/etc/multiflexi/multiflexi.env"
ABOUT_FILE = "Settings file, unless --environment or MULTIFLEXI_ENV_FILE names another one."


def pages(codes: Iterable[tuple[int, str]]) -> dict[str, str]:
    """File name and text of every page; `codes` are the exit codes with what they mean."""
    codes = list(codes)
    made = {f"{PROGRAM}.{SECTION}": _program(codes)}
    for one in tree.ENTRIES:
        if not one.single:
            made[f"{PROGRAM}-{one.name}.{SECTION}"] = _noun(one)
    return made


def _program(codes: list[tuple[int, str]]) -> str:
    nouns = [one for one in tree.ENTRIES if not one.single]
    singles = [one for one in tree.all_commands() if ":" not in str(one.name) and not str(one.name).startswith("_")]
    lines = [
        *head(PROGRAM, SECTION, SUMMARY),
        f".B {plain(PROGRAM)}\n.IR NOUN : ACTION\n.RI [ OPTIONS ]",
        ".SH DESCRIPTION",
        text(
            "Everything that can be done with an installation, for people and programs. The noun and the action may "
            "be two words, and unique beginnings of names are enough. Results go to standard output, everything "
            "else to standard error."
        ),
        ".SH COMMANDS",
    ]
    for one in nouns:
        lines += [f".SS {plain(one.name)}", text(f"{tree.load(one).help}; see {PROGRAM}-{one.name}({SECTION}).")]
        for command in tree.load(one).commands.values():
            lines += [".TP", f".B {plain(str(command.name))}", text(str(command.help))]
    lines.append(".SS other commands")
    for command in singles:
        lines += _command(command, ".TP")
    lines += [".SH OPTIONS", text("Every command takes these, too:"), *_options(global_options()), ".SH EXIT STATUS"]
    for number, meaning in codes:
        lines += [".TP", f".B {number}", text(meaning)]
    lines += [".SH FILES", ".TP", f".I {plain(FILE)}", text(ABOUT_FILE), ".SH SEE ALSO"]
    lines.append(",\n".join(f".BR {plain(f'{PROGRAM}-{one.name}')} ({SECTION})" for one in nouns))
    return "\n".join(lines) + "\n"


def _noun(one: tree.Entry) -> str:
    noun = tree.load(one)
    title = f"{PROGRAM}-{one.name}"
    lines = [
        *head(title, SECTION, noun.help),
        f".B {plain(PROGRAM)}\n.RI {plain(one.name)}: ACTION\n.RI [ OPTIONS ]",
        ".SH DESCRIPTION",
        text(f"{noun.help}. What every command takes is described in {PROGRAM}({SECTION})."),
    ]
    if one.aliases:
        lines += [".PP", text(f"Also called {', '.join(one.aliases)}.")]
    lines.append(".SH COMMANDS")
    for command in noun.commands.values():
        lines += _command(command, ".SS")
    lines += [".SH SEE ALSO", f".BR {plain(PROGRAM)} ({SECTION})"]
    return "\n".join(lines) + "\n"


def _command(command: Command, heading: str) -> Iterator[str]:
    name = plain(str(command.name))
    yield f".SS {name}" if heading == ".SS" else f".TP\n.B {name}"
    yield text(f"{command.help}.")
    others = tree.aliases_of(str(command.name))
    if heading == ".SS" and others:
        yield ".PP"
        yield text(f"Also: {', '.join(others)}.")
    if command.declared:
        yield ".RS"
        yield from _options(command.declared)
        yield ".RE"
    if calls := examples.of(str(command.name)):
        yield f".PP\n{'Example' if len(calls) == 1 else 'Examples'}:\n.RS\n.nf"
        yield from map(plain, calls)
        yield ".fi\n.RE"


def _options(options: Iterable[Option]) -> Iterator[str]:
    for one in options:
        value = "" if one.is_flag or one.count else " \\fI" + plain(str(one.name).upper()) + "\\fR"
        names = [*one.opts, *one.secondary_opts]
        yield ".TP"
        yield ", ".join(f"\\fB{plain(name)}\\fR" for name in names) + value
        yield text(one.help or "")
