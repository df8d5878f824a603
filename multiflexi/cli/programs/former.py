"""Programs of former versions: each makes the call that took its place, and says which one that is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from multiflexi.cli.output.errors import REFUSED, WRONG_USE, wrong_use
from multiflexi.cli.overrides import plain_values
from multiflexi.cli.programs import migrator
from multiflexi.cli.programs.program import Parser, run

APP2JSON = "multiflexi-app2json"
JSON2APP = "multiflexi-json2app"
REMOVER = "multiflexi-json-app-remover"
TRIGGER = "multiflexi-trigger"
PHINX = "multiflexi-phinx"
SUCCESSORS = {
    APP2JSON: "multiflexi-cli application:export-json --id ID --file -",
    JSON2APP: "multiflexi-cli application:import-json --file FILE",
    REMOVER: "multiflexi-cli application:remove-json --file FILE",
    TRIGGER: "multiflexi-cli run-template:schedule",
    PHINX: migrator.PROGRAM,
}


def app2json_parser() -> Parser:
    made = _parser(APP2JSON, "Write the definition of an application to standard output.", wrong_use=REFUSED)
    made.add_argument("application", metavar="ID", help="id, uuid, code or name")
    made.add_environment()
    return made


def app2json(argv: Sequence[str] | None = None) -> int:
    arguments = app2json_parser().parse_args(argv)
    return _command(APP2JSON, arguments, "application:export-json", f"--id={arguments.application}", "--file=-")


def json2app_parser() -> Parser:
    made = _parser(JSON2APP, "Import the definition of an application.")
    made.add_argument("file", metavar="FILE", help="definition file; - = standard input")
    made.add_argument("application", metavar="ID", nargs="?", help="accepted and not used: the uuid in the file counts")
    made.add_environment()
    return made


def json2app(argv: Sequence[str] | None = None) -> int:
    arguments = json2app_parser().parse_args(argv)
    return _command(JSON2APP, arguments, "application:import-json", f"--file={arguments.file}")


def remover_parser() -> Parser:
    made = _parser(REMOVER, "Remove the application that a definition file defines.")
    made.add_argument("file", metavar="FILE", help="definition file; - = standard input")
    made.add_environment()
    return made


def remover(argv: Sequence[str] | None = None) -> int:
    arguments = remover_parser().parse_args(argv)
    return _command(REMOVER, arguments, "application:remove-json", f"--file={arguments.file}")


def trigger_parser() -> Parser:
    made = _parser(TRIGGER, "Make a job of a run template.")
    made.add_argument("--runtemplate", metavar="ID", required=True, help="run template: id or name")
    made.add_argument("--company", metavar="CODE", help="company the run template has to belong to: slug or id")
    made.add_argument("--environment", metavar="JSON", help="an object of values for this run")
    made.add_argument("--schedule", metavar="TIME", help="when; now by default")
    made.add_argument("--executor", metavar="NAME", help="another executor for this run")
    made.add_argument("--foreground", action="store_true", help="wait for the end of the job")
    made.add_argument("-v", "--verbose", action="store_true", help="show the whole job")
    return made


def trigger(argv: Sequence[str] | None = None) -> int:
    arguments = trigger_parser().parse_args(argv)
    return _answer(TRIGGER, lambda: _trigger(arguments))


def phinx_parser() -> Parser:
    made = _parser(PHINX, "Bring the tables of the database up to date.")
    made.add_argument(
        "step",
        metavar="STEP",
        nargs="?",
        default="migrate",
        choices=("migrate", "status", "seed:run"),
        help="migrate, status (what is to be done) or seed:run (the same as migrate, which fills the tables, too)",
    )
    made.add_argument("-s", "--seed", metavar="NAME", action="append", help="accepted and not used")
    made.add_environment()
    return made


def phinx(argv: Sequence[str] | None = None) -> int:
    arguments = phinx_parser().parse_args(argv)
    words = ["--check"] if arguments.step == "status" else []
    if arguments.environment:
        words += ["-e", arguments.environment]
    _tell_successor(PHINX)
    return migrator.main(words)


def _trigger(arguments: argparse.Namespace) -> int:
    from multiflexi.cli.run import run as command

    options = {
        "--id": arguments.runtemplate,
        "--company": arguments.company,
        "--schedule_time": arguments.schedule,
        "--executor": arguments.executor,
    }
    words = [f"{name}={value}" for name, value in options.items() if value]
    words += [f"--env={name}={value}" for name, value in _overrides(arguments.environment).items()]
    words += ["--wait"] * arguments.foreground + ["--verbose"] * arguments.verbose
    return command(["run-template:schedule", *words])


def _overrides(text: str | None) -> dict[str, str]:
    try:
        return plain_values(text) if text else {}
    except ValueError as rule:
        raise wrong_use(f"--environment {rule}") from None


def _command(program: str, arguments: argparse.Namespace, *words: str) -> int:
    from multiflexi.cli.run import run as command

    environment = [f"--environment={arguments.environment}"] if arguments.environment else []
    return _answer(program, lambda: command([*words, *environment]))


def _parser(program: str, purpose: str, wrong_use: int = WRONG_USE) -> Parser:
    return Parser(program, f"{purpose} Kept for old scripts; call {SUCCESSORS[program]} instead.", wrong_use=wrong_use)


def _answer(program: str, work: Callable[[], int]) -> int:
    _tell_successor(program)
    return run(program, work)


def _tell_successor(program: str) -> None:
    sys.stderr.write(f"{program} is deprecated; call instead: {SUCCESSORS[program]}\n")
