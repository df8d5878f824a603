"""``python -m bench NAME``: run one measurement and print its JSON document; without a name, all of them."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from bench.frame import databases, machine
from bench.frame.installation import installation
from bench.frame.options import Options
from bench.frame.processes import python
from bench.frame.report import Report, say

MEASUREMENTS = {
    "b1": "trivial jobs per second",
    "b2": "the scheduler's pass over many run templates",
    "b3": "from the due time of a job to its first instruction",
    "b4": "a hundred megabytes of output with secrets",
    "b5": "lists and numbers over a million jobs",
    "b6": "requests per second of the API",
    "b7": "jobs run twice or lost when executors are killed and the database goes away",
    "b8": "memory of daemons, start-up time of commands",
}
# These make their installations themselves.
INDEPENDENT = {"b7"}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 when a result was wrong, 2 when a measurement could not be made; a missed target is no error."""
    # A request to end takes the installation away as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments = _parser().parse_args(argv)
    options = Options(
        arguments.db,
        arguments.quick,
        arguments.jobs,
        arguments.rounds,
        frozenset(filter(None, arguments.only.split(","))),
    )
    if arguments.name == "all":
        return _all(sys.argv[1:] if argv is None else argv)
    try:
        document = _document(arguments.name, options)
    except databases.Unreachable as problem:
        print(problem, file=sys.stderr)
        return 2
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0 if document["correct"] else 1


def _document(name: str, options: Options) -> dict[str, Any]:
    head = {"benchmark": name, "what": MEASUREMENTS[name], "quick": options.quick, "machine": machine.facts()}
    before = machine.state()
    say(f"{name}: {MEASUREMENTS[name]}")
    report, database = _measured(name, options)
    return head | {"before": before, "after": machine.state(), "database": database} | report.document()


def _measured(name: str, options: Options) -> tuple[Report, dict[str, Any]]:
    if name in INDEPENDENT:
        return importlib.import_module(f"bench.{name}").measure(options), {"kind": options.database}
    with installation(options.database) as place:
        # Only now, because it imports models, which need settings.
        report: Report = importlib.import_module(f"bench.{name}").measure(place, options)
        return report, databases.facts()


def _all(words: Sequence[str]) -> int:
    """Each in a process of its own, because each has an installation of its own; one document for all."""
    documents, status = {}, 0
    rest = [word for word in words if word != "all"]
    for name in MEASUREMENTS:
        done = subprocess.run(python("-m", "bench", name, *rest), stdout=subprocess.PIPE, check=False)
        documents[name] = json.loads(done.stdout) if done.stdout else None
        status = max(status, done.returncode)
    print(json.dumps(documents, indent=2, ensure_ascii=False))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench", description=__doc__)
    names = "; ".join(f"{name}: {what}" for name, what in MEASUREMENTS.items())
    parser.add_argument("name", nargs="?", default="all", choices=[*MEASUREMENTS, "all"], help=names, metavar="NAME")
    parser.add_argument("--db", default="pgsql", choices=databases.KINDS, help="kind of database")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, below a minute each")
    parser.add_argument("--jobs", type=int, help="how many things are measured, in place of the usual number")
    parser.add_argument("--rounds", type=int, help="how often, in place of the usual number")
    parser.add_argument("--only", default="", metavar="PART,…", help="only these parts of the measurement")
    return parser


if __name__ == "__main__":
    sys.exit(main())
