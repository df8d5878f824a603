"""A daemon that only looks at its database once per pause; run by test_configuration.py."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Sequence

from daemons.common.process import Instance, run_daemon
from daemons.common.stop import StopMode

log = logging.getLogger("idle")


class IdleLoop:
    role = "scheduler"

    def __init__(self, instance: Instance) -> None:
        self.stopping = False

    def start(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def run_once(self) -> float | None:
        return None if self.stopping else 3600

    def tend(self) -> None:
        pass

    def stop(self, mode: StopMode) -> float:
        self.stopping = True
        return 0

    def close(self) -> None:
        log.info("closed")

    def reload(self, changed: Sequence[str]) -> None:
        log.info("reloaded", extra={"changed": ",".join(changed)})

    def dump(self) -> None:
        from multiflexi import environ

        log.info("database password is %s", environ.value("DB_PASSWORD"))

    def watched(self) -> Iterable[int]:
        return ()


sys.exit(run_daemon("scheduler", "Idle", IdleLoop))
