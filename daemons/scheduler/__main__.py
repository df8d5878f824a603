"""`multiflexi-scheduler`: the daemon, and runs of one interval."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from daemons.common.arguments import build_parser
from daemons.common.loop import Loop
from daemons.common.process import Instance, prepare, serve
from multiflexi import environ
from multiflexi.environ import EXIT_CONFIG, SettingsError
from multiflexi.scheduling.intervals import INTERVALS, IntervalError, parse_interval


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scheduler until it is asked to stop, or enqueue one interval; exit status of the process."""
    parser = build_parser("scheduler", "Create jobs when their schedules are due, or now for all of one interval.")
    parser.add_argument(
        "interval",
        nargs="?",
        metavar="INTERVAL",
        help="make a job of every run template of this interval now, outside of its cadence, and exit: "
        + ", ".join(f"{one.code} ({one.word})" for one in INTERVALS.values() if one.cron),
    )
    arguments = parser.parse_args(argv)
    if arguments.interval is None:
        return serve("scheduler", arguments, _make_loop)
    return _enqueue(arguments, parser.prog)


def _make_loop(instance: Instance) -> Loop:
    from daemons.scheduler.loop import SchedulerLoop

    return SchedulerLoop(instance.name)


def _enqueue(arguments: argparse.Namespace, program: str) -> int:
    """The one-shot run; 0 when the jobs are made, 1 for a wrong interval or without database, 78 for a setting."""
    try:
        code = parse_interval(arguments.interval).code
        if INTERVALS[code].cron is None:
            raise IntervalError(arguments.interval)
        if arguments.environment:
            environ.use_file(arguments.environment)
        prepare("scheduler", arguments)
        made = _make_jobs(code)
    except SettingsError as error:
        return _refuse(program, error, EXIT_CONFIG)
    except IntervalError as error:
        return _refuse(program, error, 1)
    sys.stdout.write(f"{made} jobs made\n")
    return 0


def _make_jobs(code: str) -> int:
    from multiflexi.jobs.interval_run import enqueue_interval
    from multiflexi.models import User
    from multiflexi.record.actor import Actor, Origin

    return enqueue_interval(code, Actor(user_id=User.objects.technical().pk, origin=Origin.DAEMON))


def _refuse(program: str, error: Exception, status: int) -> int:
    sys.stderr.write(f"{program}: {error}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
