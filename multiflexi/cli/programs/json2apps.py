"""`multiflexi-json2apps`: import the application definitions of all installed packages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.programs.program import Parser, run, say

PROGRAM = "multiflexi-json2apps"
SUFFIX = ".app.json"
ROOT = Path("/")
PATTERNS = (f"usr/lib/*/multiflexi/*{SUFFIX}", f"usr/share/multiflexi/apps/**/*{SUFFIX}")


def parser() -> Parser:
    made = Parser(
        PROGRAM,
        "Import the application definitions of all installed packages; importing them again changes nothing.",
    )
    made.add_argument(
        "directories",
        metavar="DIRECTORY",
        nargs="*",
        help=f"take the *{SUFFIX} files below this directory, or this one file, instead of those below "
        "/usr/lib/*/multiflexi and /usr/share/multiflexi/apps",
    )
    made.add_argument("--dry-run", action="store_true", help="show what would change and change nothing")
    made.add_argument("--keep-going", action="store_true", help="exit code 0 although definitions were rejected")
    made.add_environment()
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Import them all, going on after a rejected one; 0 when each was accepted, also when there is none."""
    arguments = parser().parse_args(argv)
    return run(PROGRAM, lambda: _import(arguments))


def _import(arguments: argparse.Namespace) -> int:
    from multiflexi.cli.run import run as command

    files = list(_filled(_below(arguments.directories) if arguments.directories else _installed()))
    if not files:
        say(PROGRAM, "there are no application definitions to import")
        return 0
    options = ["--dry-run"] * arguments.dry_run + ["--keep-going"] * arguments.keep_going
    if arguments.environment:
        options.append(f"--environment={arguments.environment}")
    return command(["application:import-json", *options, "--", *map(str, files)])


def _installed() -> Iterator[Path]:
    for pattern in PATTERNS:
        yield from sorted(ROOT.glob(pattern))


def _below(names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        path = Path(name)
        if path.is_dir():
            yield from sorted(path.rglob(f"*{SUFFIX}"))
        elif path.exists():
            yield path
        else:
            raise wrong_use(f"There is no {name}; name a directory with definitions, or none.")


def _filled(paths: Iterable[Path]) -> Iterator[Path]:
    """Without empty files, which packages leave behind where a definition is yet to come."""
    for path in paths:
        # A file that cannot be looked at is the import's to tell about.
        try:
            is_empty = path.stat().st_size == 0
        except OSError:
            is_empty = False
        if is_empty:
            say(PROGRAM, f"{path} is empty and is left out")
        else:
            yield path


if __name__ == "__main__":
    sys.exit(main())
