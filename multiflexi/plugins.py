"""Load plug-ins: the built-in ones, named as `module:attribute`, and further ones from the entry points of a group."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any


@cache
def further(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name."""
    return {point.name: point for point in entry_points(group=group)}


def load(built_in: Mapping[str, str], group: str, name: str) -> Any:
    """The class or function behind a known name; a built-in one wins."""
    if name not in built_in:
        return further(group)[name].load()
    module, _, attribute = built_in[name].partition(":")
    return getattr(import_module(module), attribute)
