"""Find executor modules by name: the built-in ones, and further ones from the entry points."""

from __future__ import annotations

from functools import cache

from multiflexi import plugins
from multiflexi.executors.contract import Executor

GROUP = "multiflexi.executors"

_BUILT_IN = {
    "Native": "multiflexi.executors.native.configured:native",
}


class UnknownExecutor(LookupError):
    """No executor of that name is installed."""


def names() -> list[str]:
    """List the installed executors in their stored spelling, the default one first."""
    return list(_BUILT_IN) + sorted(name for name in plugins.further(GROUP) if name not in _BUILT_IN)


def canonical(name: str) -> str:
    """Return the stored spelling of a name given in any case. Raises UnknownExecutor."""
    for known in names():
        if known.lower() == name.strip().lower():
            return known
    raise UnknownExecutor(f"There is no executor {name!r}: choose one of {', '.join(names())}")


@cache
def get(name: str) -> Executor:
    """Load the executor of that name, one instance per process. Raises UnknownExecutor."""
    return make(name)


def make(name: str) -> Executor:
    """An instance of the executor of that name for a thread of its own. Raises UnknownExecutor."""
    executor: Executor = plugins.load(_BUILT_IN, GROUP, canonical(name))()
    return executor
