"""The run: find the files, read and prove the statements, write the results, say how it went."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from decimal import localcontext

from . import NAME, VERSION
from .amounts import EXACT
from .configuration import configuration_of
from .outcome import ExitCode, Misconfigured, NotWritten
from .run import Run

USAGE = f"""{NAME} {VERSION}: reads CAMT.053 bank statements, proves their figures and writes them down.

It takes no arguments; it is configured by environment variables:
  STATEMENT_PATH      statement file, directory of *.xml files, or a pattern such as /in/**/*.xml (required)
  STATEMENT_IBAN      only statements of this account are used
  STATEMENT_CURRENCY  only statements in this currency are used
  STRICT              true (default): a check that does not hold ends the run with 1; false: with 0
  CSV_DELIMITER       comma (default), semicolon, tab
  DECIMAL_SEPARATOR   point (default), comma
  RESULT_FILE         name of the report (default statement.json)
  MULTIFLEXI_TMP      directory of the result files (default: the current directory)

Exit codes: 0 proven, 1 a check does not hold, 2 a file is not readable as a statement, 3 no statement there,
4 wrong configuration, 5 results not written, 6 only statements of other accounts, 70 internal error.
"""


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Runs the program and returns its exit code; never ends with Python's own 1, which means warnings here."""
    arguments = sys.argv[1:] if arguments is None else arguments
    environ = os.environ if environ is None else environ
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if list(arguments) in (["--help"], ["-h"]):
        print(USAGE, end="")
        return ExitCode.SUCCESS
    if list(arguments) == ["--version"]:
        print(f"{NAME} {VERSION}")
        return ExitCode.SUCCESS
    try:
        if arguments:
            raise Misconfigured([f"argument {arguments[0]!r}: there are no arguments; see {NAME} --help"])
        with localcontext(EXACT):
            return Run(configuration_of(environ)).execute()
    except Misconfigured as problem:
        for fault in problem.faults:
            print(f"ERROR {fault}", file=sys.stderr)
        return ExitCode.MISCONFIGURED
    except NotWritten as problem:
        print(f"ERROR {problem}", file=sys.stderr)
        return ExitCode.NOT_WRITTEN
    except Exception:
        traceback.print_exc()
        return ExitCode.INTERNAL
