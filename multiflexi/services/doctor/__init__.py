"""The health of the installation on one page, with the way out beside each finding; nothing is changed.

No Django here: with broken settings the page still says what is wrong with them.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
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
    "zabbix": Part("host", "zabbix", needs_database=False),
    "telemetry": Part("host", "telemetry", needs_database=False),
}
NOT_REACHED = "database"


def look(only: Sequence[str] = (), *, timeout: float = 10, has_settings: bool = True) -> dict[str, Any]:
    """The page as data: `status` is the worst state, `checks` one row for each finding with the seconds of its group.

    `timeout` bounds each wait for something outside. Names in `only` must be those of GROUPS.
    """
    rows = []
    missing = set() if has_settings else {"settings", "database"}
    for group, part in GROUPS.items():
        if only and group not in only and not (group == NOT_REACHED and _any_needs_it(only)):
            continue
        begun = time.perf_counter()
        found = list(_findings(part, missing, timeout))
        if group == NOT_REACHED and any(one.state == State.ERROR for one in found):
            missing.add("database")
        if only and group not in only:
            continue
        seconds = round(time.perf_counter() - begun, 3)
        rows += [
            {
                "group": group,
                "name": one.name,
                "state": one.state.value,
                "message": one.message,
                "hint": one.hint,
                "seconds": seconds,
            }
            for one in found
        ]
    order = list(State)
    worst = max((State(str(one["state"])) for one in rows), key=order.index, default=State.OK)
    return {"status": State.OK.value if worst == State.SKIPPED else worst.value, "checks": rows}


def _any_needs_it(only: Sequence[str]) -> bool:
    return any(GROUPS[name].needs_database for name in only)


def _findings(part: Part, missing: set[str], timeout: float) -> Iterator[Finding]:
    if part.needs_settings and "settings" in missing:
        yield Finding(part.function, State.SKIPPED, "not looked at, because the settings are not usable")
    elif part.needs_database and "database" in missing:
        yield Finding(part.function, State.SKIPPED, "not looked at, because the database does not answer")
    else:
        try:
            yield from getattr(importlib.import_module(f"{__name__}.{part.module}"), part.function)(timeout)
        except Exception as error:
            told = " ".join(str(error).split()) or type(error).__name__
            yield Finding(part.function, State.ERROR, f"the check itself failed: {told}", "see the findings above")
