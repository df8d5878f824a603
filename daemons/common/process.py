"""From the command line to a running loop, the same for every daemon."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemons.common.arguments import build_parser
from daemons.common.lock import NameTakenError, instance_name, name_lock
from daemons.common.loop import Loop
from daemons.common.stop import StopMode
from multiflexi import __version__, environ
from multiflexi.environ import EXIT_CONFIG, SettingsError
from multiflexi.executors.native.process import forbid_dumps

log = logging.getLogger(__name__)


class Lock(Protocol):
    """What keeps a second process of the same name from running."""

    def acquire(self) -> None:
        """Take it; raises NameTakenError or SettingsError."""

    def release(self) -> None:
        """Let go."""


@dataclass(frozen=True)
class Instance:
    """Which daemon this process is; ``once`` means one cycle only."""

    role: str
    name: str
    once: bool
    arguments: argparse.Namespace


def run_daemon(
    role: str,
    description: str,
    make_loop: Callable[[Instance], Loop],
    *,
    argv: Sequence[str] | None = None,
    make_lock: Callable[[str, str], Lock] = name_lock,
    term_mode: Callable[[], StopMode] = lambda: StopMode.DETACH,
) -> int:
    """Everything a daemon's ``__main__`` does; exit status of the process.

    0 after an orderly end, 1 when the name is taken or a single cycle failed, 78 for an unusable setting, each
    with one line on standard error. ``make_loop`` is called with Django set up and the name locked.
    """
    return serve(
        role, build_parser(role, description).parse_args(argv), make_loop, make_lock=make_lock, term_mode=term_mode
    )


def serve(
    role: str,
    arguments: argparse.Namespace,
    make_loop: Callable[[Instance], Loop],
    *,
    make_lock: Callable[[str, str], Lock] = name_lock,
    term_mode: Callable[[], StopMode] = lambda: StopMode.DETACH,
) -> int:
    """What `run_daemon` does, behind the command line."""
    try:
        if arguments.environment:
            environ.use_file(arguments.environment)
        if arguments.check_config:
            return environ.check_config()
        instance = prepare(role, arguments)
        lock = make_lock(role, instance.name)
        lock.acquire()
    except SettingsError as error:
        return _refuse(role, str(error), EXIT_CONFIG)
    except NameTakenError as error:
        return _refuse(role, str(error), 1)
    try:
        return _drive(instance, make_loop, term_mode)
    except SettingsError as error:
        return _refuse(role, str(error), EXIT_CONFIG)
    finally:
        lock.release()


def prepare(role: str, arguments: argparse.Namespace) -> Instance:
    """Load settings, Django and logging; raises SettingsError."""
    # First of all, because jobs of an earlier process may be watching, and the environment may hold secrets.
    forbid_dumps()
    environ.keep_from_others()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "multiflexi.settings")
    from django.conf import settings

    _ = settings.INSTALLED_APPS
    environ.require_database()
    name = instance_name(role, arguments.name)
    once = arguments.once
    if once is None:
        once = not environ.role_value(role, "MULTIFLEXI_DAEMONIZE")
    from multiflexi import pageless
    from multiflexi.monitoring import logs

    pageless.set_up()
    logs.configure_from_settings(role, name)
    return Instance(role, name, once, arguments)


def reload_settings(role: str) -> list[str]:
    """Take changed ``live`` settings over from the file; their names. Raises SettingsError, changing nothing."""
    from django.conf import settings

    from multiflexi.monitoring import logs

    changed = environ.reload_settings()
    for name, value in changed.items():
        setattr(settings, name, value)
    logs.set_level(logs.level_from_settings(role))
    return sorted(changed)


def _drive(instance: Instance, make_loop: Callable[[Instance], Loop], term_mode: Callable[[], StopMode]) -> int:
    from daemons.common.driver import Driver
    from multiflexi.monitoring import logs

    role = instance.role
    log.info("the %s %s starts, version %s, process %d", role, instance.name, __version__, os.getpid())
    logs.start_table()
    try:
        loop = make_loop(instance)
        # What is loaded by now stays for ever; looking through it for garbage again and again would only cost time.
        gc.freeze()
        return Driver(
            loop,
            once=instance.once,
            reload=lambda: reload_settings(role),
            term_mode=term_mode,
            memory_limit_mb=lambda: int(environ.role_value(role, "MULTIFLEXI_MEMORY_LIMIT_MB")),
        ).run()
    finally:
        logs.close()


def _refuse(role: str, reason: str, status: int) -> int:
    sys.stderr.write(f"multiflexi-{role}: {reason}\n")
    return status
