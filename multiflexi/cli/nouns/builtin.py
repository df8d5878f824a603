"""Commands about the commands: help, list, version, describe."""

from __future__ import annotations

from multiflexi import __version__
from multiflexi.cli import tree, words
from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, Option, argument, flag, format_option, value
from multiflexi.cli.main import PROGRAM
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Document
from multiflexi.cli.values import Word

NOUN = Noun("", "Commands about the commands")


def _help_format() -> Option:
    return value("--format", help="txt, json or md", type=Word("txt", "json", "md", "text", "yaml"), default="txt")


@NOUN.command(
    "help",
    "Show the help of a command",
    argument("command_name", "Command or noun", "help"),
    flag("--raw", help="Plain text"),
    output=_help_format(),
    database=False,
)
def show_help(call: Call) -> Document:
    from multiflexi.cli import manual

    name = str(call["command_name"])
    if name == "help":
        return Document({"name": PROGRAM, "help": manual.overview()}, manual.overview)
    resolved = words.resolve([name, "--help"])
    text = manual.noun_help(resolved.name) if resolved.noun_help else manual.command_help(resolved.name)
    return Document({"name": resolved.name, "help": text}, lambda: text)


@NOUN.command(
    "list",
    "List the commands",
    argument("namespace", "Only the commands of this noun"),
    flag("--raw", help="Names and descriptions only"),
    flag("--short", help="Leave out the options in JSON"),
    output=_help_format(),
    database=False,
)
def list_commands(call: Call) -> Document:
    from multiflexi.cli import manual

    namespace = call.get("namespace")
    if namespace and namespace not in {one.name for one in tree.ENTRIES if not one.single}:
        raise wrong_use(f'There is no noun "{namespace}"; "list" without it shows all commands.')
    chosen = [one for one in tree.all_commands() if not namespace or str(one.name).partition(":")[0] == namespace]
    if call["format"] == "md":
        return Document({}, lambda: manual.markdown(chosen))
    plain = bool(call.get("raw") or namespace)
    return Document(
        manual.command_list(chosen, short=bool(call.get("short"))),
        lambda: manual.columns(chosen) if plain else manual.overview(),
    )


@NOUN.command("version", "Show the version", database=False)
def show_version(call: Call) -> Document:
    return Document({"name": PROGRAM, "version": __version__}, lambda: f"{PROGRAM} {__version__}")


@NOUN.command("describe", "Describe all commands for programs", output=format_option("json"), database=False)
def describe(call: Call) -> Document:
    from multiflexi.cli import manual

    described = {str(one.name): manual.description(one) for one in tree.all_commands() if one.name != "describe"}
    return Document(described, lambda: "\n".join(described))
