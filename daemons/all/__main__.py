"""``python -m daemons.all``: the whole platform in the foreground.

The first Ctrl-C lets running jobs end and starts no more, the second kills them.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from daemons.all import local_state
from daemons.all.supervisor import Supervisor, daemon_commands
from multiflexi.executors.native.process import forbid_dumps

DAEMONS = ("scheduler", "executor")
WEB_SERVER = [sys.executable, "-m", "multiflexi.serving.program"]
CONFIGURATION_ERROR = 78
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run until asked to stop; exit status of the process."""
    arguments = _parser().parse_args(argv)
    forbid_dumps()
    logging.basicConfig(format="%(levelname)s all: %(message)s", level=logging.INFO)
    environment = dict(os.environ)
    if arguments.environment:
        environment["MULTIFLEXI_ENV_FILE"] = str(arguments.environment.resolve())
    if arguments.state:
        try:
            file = local_state.ensure(arguments.state)
            sys.stderr.write(f"Bringing the database in {os.path.relpath(file.parent)} up to date ...\n")
            local_state.migrate(file)
        except local_state.LocalStateError as error:
            sys.stderr.write(f"{error}\n")
            return CONFIGURATION_ERROR
        except KeyboardInterrupt:
            return INTERRUPTED
        environment = local_state.environment(file)
        sys.stderr.write(_hint(file))
    commands = daemon_commands(DAEMONS)
    if arguments.state:
        commands["web server"] = WEB_SERVER
    return Supervisor(commands, environment=environment, hangup_stops=sys.stderr.isatty()).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("daemons.all", description="Run all daemons in the foreground.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("-e", "--environment", metavar="FILE", type=Path, help="settings file of the installation")
    which.add_argument(
        "--state",
        metavar="DIRECTORY",
        type=Path,
        help="make an installation in this directory, or bring it up to date, and run it, with its web server",
    )
    return parser


def _hint(file: Path) -> str:
    shown = os.path.relpath(file)
    return (
        f"MultiFlexi runs with the settings in {shown} and serves at http://{local_state.web_address(file)}/\n"
        "In another terminal:\n"
        f"    export MULTIFLEXI_ENV_FILE={file}\n"
        "    bin/multiflexi-cli status\n"
        "Ctrl-C lets running jobs end and stops; a second Ctrl-C kills them.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
