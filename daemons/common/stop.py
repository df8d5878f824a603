"""How a daemon may be asked to stop."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from enum import StrEnum
from shutil import which

SYSTEMCTL_SECONDS = 2


class StopMode(StrEnum):
    """What happens to running jobs; daemons without jobs just end their cycle."""

    DETACH = "detach"
    DRAIN = "drain"
    KILL = "kill"
    # As kill, because the whole host goes down and no job would survive.
    HOST = "host"

    @property
    def ends_jobs(self) -> bool:
        return self in (StopMode.KILL, StopMode.HOST)


def mode_after(number: int, current: StopMode | None, term_mode: Callable[[], StopMode]) -> StopMode:
    """The mode a further SIGTERM or SIGINT leads to.

    SIGTERM: what ``term_mode`` says, a second one detaches unless the host goes down. SIGINT: the first drains, the
    second kills.
    """
    if current is not None and current.ends_jobs:
        return current
    if number == signal.SIGINT:
        return StopMode.DRAIN if current is None else StopMode.KILL
    asked = term_mode()
    return asked if current is None or asked is StopMode.HOST else StopMode.DETACH


def configured_stop_mode() -> StopMode:
    """MULTIFLEXI_STOP_MODE, unless the whole host goes down."""
    from multiflexi import environ

    return StopMode.HOST if host_is_stopping() else StopMode(environ.value("MULTIFLEXI_STOP_MODE"))


def host_is_stopping() -> bool:
    """Whether the service manager is shutting the host down; False where there is none to ask."""
    systemctl = which("systemctl")
    if not systemctl:
        return False
    try:
        answer = subprocess.run(
            [systemctl, "is-system-running"],
            capture_output=True,
            check=False,
            timeout=SYSTEMCTL_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == b"stopping"
