"""Run the tests once per database: SQLite always, servers when TEST_PG_URL and TEST_MYSQL_URL name them.

``run.py [PATH ...] [-- OPTIONS OF PYTEST]``. What needs no database runs on SQLite only (tests/conftest.py leaves it
out on servers). Where CI is set, a database that is missing is a failure.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_DATABASE = Path("tests/unit")
NO_TESTS = 5
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Server:
    """A kind of database server; `ask` connects and returns its version, or raises."""

    title: str
    variable: str
    example: str
    ask: Callable[[str], str]


@dataclass
class Outcome:
    """What became of one database; `status` is an exit status, None when it was left out."""

    title: str
    line: str
    status: int | None = None


def _ask_postgresql(url: str) -> str:
    psycopg = importlib.import_module("psycopg")
    parts = urlsplit(url)
    # The database of the URL need not exist: the tests make one of their own beside it.
    where = {"host": parts.hostname, "port": parts.port, "user": unquote(parts.username or "postgres")}
    password = unquote(parts.password or "")
    with psycopg.connect(dbname="postgres", password=password, connect_timeout=CONNECT_SECONDS, **where) as connection:
        return f"PostgreSQL {connection.execute('SHOW server_version').fetchone()[0].split()[0]}"


def _ask_mysql(url: str) -> str:
    driver = importlib.import_module("MySQLdb")
    parts = urlsplit(url)
    connection = driver.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        connect_timeout=CONNECT_SECONDS,
    )
    try:
        version = connection.get_server_info()
    finally:
        connection.close()
    number = version.removeprefix("5.5.5-").split("-")[0]
    return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {number}"


SERVERS = (
    Server("PostgreSQL", "TEST_PG_URL", "postgres://postgres@127.0.0.1:5432/multiflexi", _ask_postgresql),
    Server("MariaDB", "TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/multiflexi", _ask_mysql),
)


def main(argv: Sequence[str]) -> int:
    """Run everything; 0 when all that ran passed and, in CI, nothing was left out."""
    # In the background of a shell Ctrl-C is ignored, and all processes of the tests would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words = list(argv)
    split = words.index("--") if "--" in words else len(words)
    paths, options = words[:split], words[split + 1 :]
    outcomes = [_run("SQLite", "", paths, options)]
    outcomes += [_run_server(server, paths, options) for server in SERVERS]
    return _report(outcomes)


def _run_server(server: Server, paths: Sequence[str], options: Sequence[str]) -> Outcome:
    url = os.environ.get(server.variable, "")
    if not url:
        return Outcome(server.title, f"left out; include it with {server.variable}={server.example}")
    try:
        title = server.ask(url)
    except Exception as error:
        reason = " ".join(str(error).split())
        return Outcome(server.title, f"left out; the server of {server.variable} cannot be used: {reason}")
    if paths and all(_below(path, WITHOUT_DATABASE) for path in paths):
        return Outcome(title, "nothing to run; these tests need no database", 0)
    return _run(title, url, paths, [*options, f"--ignore={WITHOUT_DATABASE}"])


def _below(path: str, directory: Path) -> bool:
    return (ROOT / path.split("::", maxsplit=1)[0]).resolve().is_relative_to(ROOT / directory)


def _run(title: str, url: str, paths: Sequence[str], options: Sequence[str]) -> Outcome:
    """Run pytest on one database, its output passed on as it comes."""
    print(f"\n=== {title} ===", flush=True)
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    plugin = ["-p", "tests.portable_reports"]
    command = [sys.executable, "-m", "pytest", *plugin, *_workers(), "-q", *colour, *paths, *options]
    environment = os.environ | {"TEST_DATABASE_URL": url}
    begun = time.monotonic()
    last = "no output"
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    status = 0 if process.returncode == NO_TESTS and paths else process.returncode
    return Outcome(title, f"{last} (whole run {time.monotonic() - begun:.0f} s)", status)


def _workers() -> list[str]:
    """One worker more than there are processors, since tests of daemons mostly wait, and tests dealt out singly.

    In larger parts, all tests of daemons would go to one worker: the others were done long before it.
    """
    return ["-n", str(len(os.sched_getaffinity(0)) + 1), "--maxschedchunk", "1"]


def _report(outcomes: Sequence[Outcome]) -> int:
    width = max(len(outcome.title) for outcome in outcomes)
    print("\n=== Databases ===")
    for outcome in outcomes:
        print(f"{outcome.title:<{width}}  {outcome.line}")
    left_out = [outcome.title for outcome in outcomes if outcome.status is None]
    failed = [outcome.title for outcome in outcomes if outcome.status]
    if left_out and os.environ.get("CI"):
        failed += left_out
        print(f"CI is set, so leaving out {' and '.join(left_out)} is a failure.")
    print(f"FAILED: {', '.join(failed)}" if failed else "PASSED")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
