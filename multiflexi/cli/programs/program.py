"""What all companion programs share: their options, and how each ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from multiflexi import __version__
from multiflexi.cli.output.errors import INTERRUPTED, WRONG_USE, Rejected
from multiflexi.cli.output.stream import OutputFailed, guarded


class Parser(argparse.ArgumentParser):
    """Options with `-V`; wrong use is one line on standard error and the exit code `wrong_use`."""

    def __init__(self, program: str, purpose: str, *, wrong_use: int = WRONG_USE, epilog: str | None = None) -> None:
        super().__init__(program, description=purpose, epilog=epilog, allow_abbrev=False)
        self._wrong_use = wrong_use
        self.add_argument("-V", "--version", action="version", version=f"{program} {__version__}")

    def add_environment(self) -> None:
        self.add_argument("-e", "--environment", metavar="FILE", help="settings file")

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        self.exit(self._wrong_use)


def run(program: str, work: Callable[[], int]) -> int:
    """The exit status of `work`; a failure that a person can act on is one line on standard error."""

    def told() -> int:
        try:
            return work()
        except KeyboardInterrupt:
            say(program, "interrupted")
            return INTERRUPTED
        except OutputFailed:
            raise
        except Exception as error:
            from multiflexi.cli import startup

            failure = error.failure if isinstance(error, Rejected) else startup.failure(error)
            if failure is None:
                raise
            say(program, failure.message)
            return failure.exit_code

    return guarded(told)


def say(program: str, message: str) -> None:
    sys.stderr.write(f"{program}: {message}\n")
