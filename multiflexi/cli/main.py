"""Entry point. Answers `--version` without importing anything but the standard library."""

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from multiflexi import __version__
from multiflexi.cli.output.stream import guarded

PROGRAM = "multiflexi-cli"
INTERRUPTED = 130
VERSION_WORDS = ("-V", "--version", "version")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code, one of those in `output.errors` or the code of a job."""
    words = list(sys.argv[1:] if argv is None else argv)
    # While modules are loaded nothing becomes garbage, but collecting it takes a tenth of the time.
    gc.disable()
    try:
        return guarded(lambda: _answer(words))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    finally:
        collect_again()


def collect_again() -> None:
    """Let garbage be collected again, but never look through what is loaded by now: it stays for the whole run.

    The end of the process alone would otherwise look through all of it twice.
    """
    gc.freeze()
    gc.enable()


def _answer(words: Sequence[str]) -> int:
    if len(words) == 1 and words[0] in VERSION_WORDS:
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    from multiflexi.cli.run import run

    return run(words)


def program() -> NoReturn:
    """Run the command line as a process of its own, and end it without taking apart what ends with it anyway."""
    code = main()
    if "django.db" in sys.modules:
        from django.conf import settings
        from django.db import connections

        if settings.configured:
            connections.close_all()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    program()
