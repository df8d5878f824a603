"""Limits of jobs as people give them for applications and run templates."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from multiflexi.services.errors import invalid_field

NUMBERS = ("time_limit", "memory_limit_mb", "pids_limit", "file_limit_mb", "output_limit_mb")
CPU = "cpu_limit"
NAMES = (*NUMBERS, CPU)
_MOST_CPUS = Decimal(999)


def usable(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values with limits as their columns hold them: empty means the next owner's limit, 0 none. Raises Invalid."""
    values = dict(given)
    for name in NAMES:
        if name in values:
            values[name] = None if values[name] in ("", None) else _number(name, values[name])
    return values


def shown(record: Any) -> dict[str, Any]:
    """The limits of an application or run template for its record type."""
    limits = {name: getattr(record, name) for name in NUMBERS}
    cpus = getattr(record, CPU)
    return {**limits, CPU: None if cpus is None else float(cpus)}


def _number(name: str, value: Any) -> Any:
    if name != CPU:
        return value
    try:
        cpus = Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise invalid_field(name, f'"{value}" is no number of processors; give one like 0.5 or 2.') from None
    if not 0 <= cpus <= _MOST_CPUS:
        raise invalid_field(name, f"give a number of processors from 0 (no limit) to {_MOST_CPUS}.")
    return cpus
