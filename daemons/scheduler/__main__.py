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

REPEATED = ", ".join(f"{one.code} ({one.word})" for one in INTERVALS.values() if one.cron)
NO_JOBS = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scheduler until it is asked to stop, or enqueue one interval; exit status of the process."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.interval is None:
        return serve("scheduler", arguments, _make_loop)
    return _enqueue(arguments, parser.prog)


def make_parser() -> argparse.ArgumentParser:
    parser = build_parser("scheduler", "Create jobs when their schedules are due, or now for all of one interval.")
    parser.add_argument(
        "interval",
        nargs="?",
        metavar="INTERVAL",
        help="make a job of every run template of this interval now, outside of its cadence, and exit: " + REPEATED,
    )
    return parser


def _make_loop(instance: Instance) -> Loop:
    from daemons.scheduler.loop import SchedulerLoop

    return SchedulerLoop(instance.name)


def _enqueue(arguments: argparse.Namespace, program: str) -> int:
    """The one-shot run; 0 when the jobs are made, 1 for a wrong interval or without database, 78 for a setting."""
    try:
        interval = parse_interval(arguments.interval)
        if interval.cron is None:
            reason = f"Run templates of interval {arguments.interval!r} have no runs in common; use one of: {REPEATED}."
            return _refuse(program, reason, NO_JOBS)
        if arguments.environment:
            environ.use_file(arguments.environment)
        prepare("scheduler", arguments)
        made = _make_jobs(interval.code)
    except SettingsError as error:
        return _refuse(program, str(error), EXIT_CONFIG)
    except IntervalError as error:
        return _refuse(program, str(error), NO_JOBS)
    except Exception as error:
        from multiflexi.cli import startup

        failure = startup.failure(error)
        if failure is None:
            raise
        return _refuse(program, failure.message, failure.exit_code)
    sys.stdout.write(f"{made} jobs made\n")
    return 0


def _make_jobs(code: str) -> int:
    from multiflexi.jobs.interval_run import enqueue_interval
    from multiflexi.models import User
    from multiflexi.record.actor import Actor, Origin

    return enqueue_interval(code, Actor(user_id=User.objects.technical().pk, origin=Origin.DAEMON))


def _refuse(program: str, reason: str, status: int) -> int:
    sys.stderr.write(f"{program}: {reason}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
