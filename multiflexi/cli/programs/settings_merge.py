"""`update-multiflexi-env`: take the database of `database.env` over into the settings file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from multiflexi.cli.programs.program import Parser, run, say

PROGRAM = "update-multiflexi-env"


def parser() -> Parser:
    made = Parser(
        PROGRAM,
        "Take the settings of database.env over into the settings file beside it: settings that are there get their "
        "new values in their places, others are added at the end, comments and rights stay. What was there before is "
        "kept as the same name with .dpkg-save.",
    )
    made.add_environment()
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Merge; 0 also when there is nothing to take over."""
    arguments = parser().parse_args(argv)
    return run(PROGRAM, lambda: _merge(arguments))


def _merge(arguments: argparse.Namespace) -> int:
    from multiflexi import environ
    from multiflexi.environ import merging

    if arguments.environment:
        environ.use_file(arguments.environment)
    found = merging.planned()
    if found is None:
        say(PROGRAM, f"there is no {merging.DATABASE_FILE} beside the settings file; nothing to take over")
        return 0
    told = take_over()
    sys.stdout.write(f"{told}\n" if told else f"{found.target} has all settings of {found.source}\n")
    return 0


def take_over() -> str:
    """Merge what differs and tell it in a sentence without values; empty when nothing did.

    Raises SettingsFileError and SettingsError, changing nothing.
    """
    from multiflexi.environ import merging

    found = merging.planned()
    if found is None or not found.names:
        return ""
    merging.write(found)
    return f"{found.target} has taken over {', '.join(found.names)} from {found.source}"


if __name__ == "__main__":
    sys.exit(main())
