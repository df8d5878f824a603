"""``python -m bench.b7``: run it on one database and print what came of it as JSON; 1 when a check failed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.b7.run import Options, run
from bench.b7.servers import SERVERS


def main() -> int:
    parser = argparse.ArgumentParser("bench.b7", description=__doc__)
    parser.add_argument("--database", choices=sorted(SERVERS), default="pgsql")
    parser.add_argument("--jobs", type=int, default=2000, help="how many; retries come on top")
    parser.add_argument("--executors", type=int, default=4)
    parser.add_argument("--places", type=int, default=8, help="of each executor")
    parser.add_argument("--kill-every", type=float, default=4.0, metavar="SECONDS", help="on the average; 0 = never")
    parser.add_argument(
        "--pauses", type=int, default=2, help="how often an executor is stopped for longer than its lease"
    )
    parser.add_argument("--no-restarts", action="store_true", help="leave the database alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=1800, metavar="SECONDS", help="until it is given up")
    parser.add_argument("--keep", action="store_true", help="leave the scratch directory and its logs behind")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="multiflexi-b7-"))
    values = {name: value for name, value in vars(given).items() if name not in ("no_restarts", "keep")}
    report = run(Options(scratch=scratch, restarts=not given.no_restarts, keep=given.keep, **values))
    print(json.dumps(report, indent=2))
    return 0 if report["correct"] else 1


if __name__ == "__main__":
    sys.exit(main())
