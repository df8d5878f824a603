"""Find executor modules by name: the built-in ones, and further ones from the entry points."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from multiflexi.executors.contract import Executor

GROUP = "multiflexi.executors"

_BUILT_IN = {
    "Native": "multiflexi.executors.native.module:Native",
}


class UnknownExecutor(LookupError):
    """No executor of that name is installed."""


def names() -> list[str]:
    """List the installed executors in their stored spelling, the default one first."""
    return list(_BUILT_IN) + sorted(name for name in _further() if name not in _BUILT_IN)


def canonical(name: str) -> str:
    """Return the stored spelling of a name given in any case. Raises UnknownExecutor."""
    for known in names():
        if known.lower() == name.strip().lower():
            return known
    raise UnknownExecutor(f"There is no executor {name!r}: choose one of {', '.join(names())}")


@cache
def get(name: str) -> Executor:
    """Load the executor of that name, one instance per process. Raises UnknownExecutor."""
    known = canonical(name)
    if known in _BUILT_IN:
        module, _, attribute = _BUILT_IN[known].partition(":")
        executor: Executor = getattr(import_module(module), attribute)()
        return executor
    loaded: Executor = _further()[known].load()()
    return loaded


@cache
def _further() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
