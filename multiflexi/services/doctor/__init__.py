"""The health of the installation on one page, with the way out beside each finding; nothing is changed.

No Django here: with broken settings the page still says what is wrong with them.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from multiflexi.services.doctor.finding import Finding, State


class Part(NamedTuple):
    """Where a group of checks is, and what it cannot do without."""

    module: str
    function: str
    needs_settings: bool = True
    needs_database: bool = True


GROUPS: dict[str, Part] = {
    "config": Part("configuration", "settings", needs_settings=False, needs_database=False),
    "database": Part("database", "reachable", needs_database=False),
    "migrations": Part("database", "migrated"),
    "encryption": Part("database", "keys"),
    "audit": Part("database", "sealed"),
    "storage": Part("storage", "directories", needs_database=False),
    "executors": Part("host", "executors", needs_database=False),
    "daemons": Part("work", "daemons"),
    "queue": Part("work", "queue"),
    "credentials": Part("work", "credentials"),
    "isolation": Part("work", "isolation"),
    "clock": Part("work", "clocks"),
    "web": Part("host", "web", needs_database=False),
    "cache": Part("host", "cache", needs_database=False),
    "mail": Part("host", "mail", needs_database=False),
    "zabbix": Part("host", "zabbix", needs_database=False),
    "telemetry": Part("host", "telemetry", needs_database=False),
}
# What the groups that need the database build upon; looked at for them, too, and told when it is broken.
GROUND = ("database", "migrations")


def look(only: Sequence[str] = (), *, timeout: float = 10, has_settings: bool = True) -> dict[str, Any]:
    """The page as data: `status` is the worst state, `checks` one row for each finding with the seconds of its group.

    `timeout` bounds each wait for something outside. Names in `only` must be those of GROUPS.
    """
    rows: list[dict[str, Any]] = []
    missing = set() if has_settings else {"settings", "database"}
    for group, part in GROUPS.items():
        wanted = not only or group in only
        if not wanted and not (group in GROUND and any(GROUPS[name].needs_database for name in only)):
            continue
        begun = time.perf_counter()
        found = list(_findings(part, missing, timeout))
        seconds = round(time.perf_counter() - begun, 3)
        is_broken = any(one.state == State.ERROR for one in found)
        if group in GROUND and is_broken:
            missing.add("database")
        if wanted or is_broken:
            rows += [{"group": group, **asdict(one), "state": one.state.value, "seconds": seconds} for one in found]
    order = list(State)
    worst = max((State(one["state"]) for one in rows), key=order.index, default=State.OK)
    return {"status": State.OK.value if worst == State.SKIPPED else worst.value, "checks": rows}


def _findings(part: Part, missing: set[str], timeout: float) -> Iterator[Finding]:
    if part.needs_settings and "settings" in missing:
        yield Finding(part.function, State.SKIPPED, "not looked at, because the settings are not usable")
    elif part.needs_database and "database" in missing:
        told = "not looked at, because the database does not answer or is not up to date"
        yield Finding(part.function, State.SKIPPED, told)
    else:
        try:
            yield from getattr(importlib.import_module(f"{__name__}.{part.module}"), part.function)(timeout)
        except Exception as error:
            told = " ".join(str(error).split()) or type(error).__name__
            yield Finding(part.function, State.ERROR, f"the check itself failed: {told}", "see the findings above")
