"""`multiflexi-executor`: the daemon, and runs of one job."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from daemons.common.arguments import build_parser
from daemons.common.lock import NameTakenError
from daemons.common.loop import Loop
from daemons.common.process import Instance, serve
from daemons.common.stop import configured_stop_mode
from daemons.executor.options import add_one_shot_options
from multiflexi import environ
from multiflexi.environ import EXIT_CONFIG, SettingsError
from multiflexi.executors.native.process import forbid_dumps
from multiflexi.jobs.spool import LockHeld, Spool, SpoolError

PROGRAMS = ("multiflexi-executor", "multiflexi-run-template")
NO_MODE = 1


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
    """Run the executor until it is asked to stop, or one job; exit status of the process."""
    program = Path(sys.argv[0]).name
    parser = make_parser(program if program in PROGRAMS else PROGRAMS[0])
    arguments = parser.parse_args(argv)
    # Jobs of an earlier process may be watching, and the settings that are read next hold secrets.
    forbid_dumps()
    if arguments.once is not None or arguments.check_config:
        return _serve(arguments)
    from daemons.executor import one_shot

    try:
        if one_shot.is_asked_for(arguments):
            return one_shot.run(arguments, parser.prog)
    except SettingsError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return EXIT_CONFIG
    if environ.is_given("executor", "MULTIFLEXI_DAEMONIZE"):
        return _serve(arguments)
    parser.print_help(sys.stderr)
    return NO_MODE


def make_parser(program: str) -> argparse.ArgumentParser:
    """The options under one of its names."""
    parser = build_parser("executor", "Run jobs that are due and keep their results, or run one job.")
    parser.prog = program
    add_one_shot_options(parser)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    lock = SpoolLock()

    def make_loop(instance: Instance) -> Loop:
        from daemons.executor.loop import ExecutorLoop

        if instance.once:
            _need_master_key()
        return ExecutorLoop(instance.name, lock.spool)

    return serve("executor", arguments, make_loop, make_lock=lock.named, term_mode=configured_stop_mode)


def _need_master_key() -> None:
    """Raise SettingsError when no secret can be opened: a single cycle would do nothing, and nobody waits for a key."""
    from django.db import DatabaseError, InterfaceError

    from multiflexi.vault import keyring
    from multiflexi.vault.errors import MasterKeyMissing, MasterKeyWrong
    from multiflexi.vault.names import CREDENTIALS

    try:
        keyring.current(CREDENTIALS)
    except (MasterKeyMissing, MasterKeyWrong) as error:
        raise SettingsError(str(error), "ENCRYPTION_MASTER_KEY") from None
    except (DatabaseError, InterfaceError):
        # The cycle tells what is wrong with it.
        return


if __name__ == "__main__":
    sys.exit(main())
