"""`multiflexi-scheduler`: the daemon."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from daemons.common.loop import Loop
from daemons.common.process import Instance, run_daemon


def _make_loop(instance: Instance) -> Loop:
    from daemons.scheduler.loop import SchedulerLoop

    return SchedulerLoop(instance.name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scheduler until it is asked to stop; exit status of the process."""
    return run_daemon("scheduler", "Create jobs when their schedules are due.", _make_loop, argv=argv)


if __name__ == "__main__":
    sys.exit(main())
