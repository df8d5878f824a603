"""`multiflexi-executor`: the daemon."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from daemons.common.lock import NameTakenError
from daemons.common.loop import Loop
from daemons.common.process import Instance, run_daemon
from daemons.common.stop import configured_stop_mode
from multiflexi.environ import SettingsError
from multiflexi.jobs.spool import LockHeld, Spool, SpoolError


class SpoolLock:
    """The lock of an instance's spool directory: its holder alone owns, and adopts, the jobs of this name."""

    def __init__(self) -> None:
        self._spool: Spool | None = None
        self._name = ""

    def named(self, _role: str, name: str) -> SpoolLock:
        """The lock of this instance name, not taken yet."""
        self._name = name
        return self

    @property
    def spool(self) -> Spool:
        assert self._spool is not None  # noqa: S101 - the loop is made with the lock held
        return self._spool

    def acquire(self) -> None:
        from django.conf import settings

        try:
            self._spool = Spool(settings.MULTIFLEXI_SPOOL, self._name)
        except LockHeld as error:
            raise NameTakenError(str(error)) from None
        except (SpoolError, OSError) as error:
            raise SettingsError(
                f"MULTIFLEXI_SPOOL: {settings.MULTIFLEXI_SPOOL} cannot be used: {error}. Correct it or its rights.",
                "MULTIFLEXI_SPOOL",
            ) from None

    def release(self) -> None:
        if self._spool is not None:
            self._spool.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the executor until it is asked to stop; exit status of the process."""
    lock = SpoolLock()

    def make_loop(instance: Instance) -> Loop:
        from daemons.executor.loop import ExecutorLoop

        return ExecutorLoop(instance.name, lock.spool)

    return run_daemon(
        "executor",
        "Run jobs that are due and keep their results.",
        make_loop,
        argv=argv,
        make_lock=lock.named,
        term_mode=configured_stop_mode,
    )


if __name__ == "__main__":
    sys.exit(main())
