"""`multiflexi-migrator`: settings of the database package into the settings file, then the tables up to date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from multiflexi.cli.programs.program import Parser, run, say
from multiflexi.cli.programs.settings_merge import take_over

PROGRAM = "multiflexi-migrator"
PENDING = 1
FOREIGN = 3
BUSY = 75


def parser() -> Parser:
    made = Parser(
        PROGRAM,
        "Take the settings of database.env over into the settings file, as update-multiflexi-env does, then bring the "
        "tables of the database up to date. Stop the daemons before; jobs that run go on.",
    )
    mode = made.add_mutually_exclusive_group()
    mode.add_argument(
        "--check", action="store_true", help="change nothing; exit code 1 and a list when there is something to do"
    )
    mode.add_argument("--plan", action="store_true", help="change nothing and show the statements that would be run")
    made.add_environment()
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Do it, or tell what is to be done; exit status of the program."""
    arguments = parser().parse_args(argv)
    return run(PROGRAM, lambda: _work(arguments))


def _work(arguments: argparse.Namespace) -> int:
    from multiflexi import environ

    if arguments.environment:
        environ.use_file(arguments.environment)
    try:
        return _look(arguments) if arguments.check or arguments.plan else _migrate(arguments)
    except Exception as error:
        if "multiflexi.services.tables" not in sys.modules:
            raise
        from multiflexi.services.tables import AlreadyRunning, ForeignDatabase

        if not isinstance(error, AlreadyRunning | ForeignDatabase):
            raise
        say(PROGRAM, error.message)
        return FOREIGN if isinstance(error, ForeignDatabase) else BUSY


def _migrate(arguments: argparse.Namespace) -> int:
    from multiflexi.cli import startup

    if told := take_over():
        sys.stdout.write(f"{told}\n")
    startup.prepare(arguments.environment, create=True)
    from multiflexi.services import tables

    done = tables.bring_up_to_date(lambda notice: say(PROGRAM, notice))
    sys.stdout.write("".join(f"{name}\n" for name in done) or "The tables are up to date\n")
    if any(name.startswith("multiflexi.0001") for name in done):
        say(PROGRAM, "the tables are new; make keys and kinds of credentials with: multiflexi-cli setup")
    return 0


def _look(arguments: argparse.Namespace) -> int:
    from multiflexi.cli import startup
    from multiflexi.environ import merging

    found = merging.planned()
    if found and found.names:
        # The settings of now may name another database than those that are to come.
        sys.stdout.write(f"-- {found.target} lacks {', '.join(found.names)} of {found.source}\n")
        say(PROGRAM, "what the tables lack can be told after update-multiflexi-env")
        return PENDING if arguments.check else 0
    startup.prepare(arguments.environment, tables=True)
    from multiflexi.services import tables

    if arguments.plan:
        for name, statements in tables.statements():
            sys.stdout.write("\n".join([f"-- {name}", *statements]) + "\n")
        return 0
    steps = tables.pending()
    sys.stdout.write("".join(f"{step}\n" for step in steps))
    return PENDING if steps else 0


if __name__ == "__main__":
    sys.exit(main())
