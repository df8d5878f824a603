"""From words to an exit code: resolve, parse, prepare, work, print; every failure ends here as a document."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from multiflexi.cli import tree, words
from multiflexi.cli.call import Call
from multiflexi.cli.declare import Command
from multiflexi.cli.main import PROGRAM, collect_again
from multiflexi.cli.output import errors
from multiflexi.cli.output.errors import Failure, Rejected
from multiflexi.cli.output.render import Style, Writer
from multiflexi.cli.output.results import Document, Done, Result, Written
from multiflexi.cli.output.stream import OutputFailed, is_used
from multiflexi.cli.values import FORMATS

VERBOSE = re.compile("--verbose|-v+")


def run(argv: Sequence[str]) -> int:
    """Run the words of one command line; results go to standard output, everything else to standard error.

    Raises OutputFailed when standard output takes no more.
    """
    wanted = words.requested_format(argv)
    shape = wanted if wanted in FORMATS else "text"
    try:
        return _run(list(argv))
    except KeyboardInterrupt:
        return _tell(Failure("Interrupted.", "interrupted", errors.INTERRUPTED), shape)
    except OutputFailed:
        raise
    except Exception as error:
        failure = _failure(error)
        if failure is None:
            if any(VERBOSE.fullmatch(word) for word in argv):
                import traceback

                traceback.print_exc()
            failure = Failure(f"Internal error: {type(error).__name__}: {error}", "internal_error")
        return _tell(failure, shape)


def _tell(failure: Failure, shape: str) -> int:
    """Show the failure; a second document after one that has begun would make both unreadable."""
    # Whoever reads standard output may have gone; the exit code tells of the failure all the same.
    with suppress(OutputFailed):
        failure.show("text" if is_used() else shape, sys.stdout, sys.stderr)
        sys.stdout.flush()
    return failure.exit_code


def _run(argv: list[str]) -> int:
    _refuse_other_encodings(argv)
    resolved = words.resolve(argv)
    if resolved.noun_help:
        from multiflexi.cli import manual

        sys.stdout.write(manual.noun_help(resolved.name))
        return errors.OK
    command = tree.command(resolved.name)
    try:
        context = command.make_context(f"{PROGRAM} {resolved.name}", list(resolved.arguments))
    except click.exceptions.Exit as end:
        return end.exit_code
    options: dict[str, Any] = dict(context.params)
    if options.get("version"):
        command, options = tree.command("version"), {"format": options.get("format")}
    return _work(command, Call(options))


def _refuse_other_encodings(argv: Sequence[str]) -> None:
    """The operating system hands bytes over; what is no UTF-8 arrives as lone surrogates."""
    for position, word in enumerate(argv, start=1):
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise errors.wrong_use(f"Argument {position} is not UTF-8 text; convert it.", position=position)


def _work(command: Command, call: Call) -> int:
    if command.database:
        from multiflexi.cli import startup

        startup.prepare(call.get("environment"), verbosity=call.verbose, create=command.creates)
    collect_again()
    result = command.work(call)
    if not call.get("quiet"):
        _print(result, call)
    if isinstance(result, (Done, Document)) and result.code and result.complaint:
        call.warn(result.complaint)
    return result.code if isinstance(result, (Done, Document, Written)) else errors.OK


def _print(result: Result, call: Call) -> None:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    style = Style(
        format=call.format,
        fields=call.fields,
        verbose=call.verbose,
        wide=bool(call.get("wide")),
        headers=not call.get("no_headers"),
        colour=call.get("colour"),
        zone=lambda: call.zone,
    )
    Writer(sys.stdout, sys.stderr, style).write(result)
    sys.stdout.flush()


def _failure(error: Exception) -> Failure | None:
    """The failure a person can act on, or None for a defect of ours."""
    if isinstance(error, Rejected):
        return error.failure
    if isinstance(error, words.WrongWords):
        hint = f": {', '.join(error.candidates)}" if error.candidates else ""
        details = {"candidates": error.candidates} if error.candidates else {}
        return Failure(f"{error}{hint}", "unknown_command", errors.WRONG_USE, details=details)
    if isinstance(error, click.ClickException):
        return errors.from_click(error)
    from multiflexi.cli import startup

    return startup.failure(error)
