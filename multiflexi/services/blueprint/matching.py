"""Which record an entry of the file means, and where in the file a service found fault."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from django.db.models import Model

from multiflexi.services.blueprint.outcome import Diff
from multiflexi.services.blueprint.supply import Hidden, Value, given
from multiflexi.services.blueprint.tree import Spot
from multiflexi.services.errors import ServiceError
from multiflexi.vault.secrecy import MASK

M = TypeVar("M", bound=Model)
NOTHING: tuple[Any, ...] = (None, "", [])


class Pairs(Generic[M]):
    """Records by key; the second entry of a key in the file means the second record of that key."""

    def __init__(self, records: Iterable[M], key: Callable[[M], Any]) -> None:
        self._left: dict[Any, deque[M]] = defaultdict(deque)
        for one in records:
            self._left[key(one)].append(one)

    def take(self, key: Any) -> M | None:
        return self._left[key].popleft() if self._left[key] else None


@contextmanager
def at(spot: Spot) -> Iterator[None]:
    """Let what a service refuses name its place in the file."""
    try:
        yield
    except ServiceError as error:
        if "line" not in error.details:
            placed = spot.error(error.message)
            error.message = placed.message
            error.args = (placed.message,)
            error.details = {**error.details, **placed.details}
        raise


def differing(record: Model, values: Mapping[str, Any]) -> Diff:
    """Columns whose value is another one than that of the record; nothing and emptiness are the same."""
    return {
        name: (getattr(record, name), value)
        for name, value in values.items()
        if getattr(record, name) != value and not (getattr(record, name) in NOTHING and value in NOTHING)
    }


def differing_values(
    stored: Mapping[str, str | None], wanted: Mapping[str, Value]
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Variables to be set to another value, and what they have now."""
    changed = {name: one for name, one in given(wanted).items() if stored.get(name) != one}
    return changed, {name: stored.get(name) for name in changed}


def shown(
    prefix: str, old: Mapping[str, str | None], new: Mapping[str, str | None], is_open: Callable[[str], bool]
) -> Diff:
    """Differences of variables for people; what is or may be a secret is masked."""
    return {
        f"{prefix}.{name}": (
            _masked(old.get(name), is_open(name) and not isinstance(value, Hidden)),
            _masked(value, is_open(name) and not isinstance(value, Hidden)),
        )
        for name, value in new.items()
    }


def _masked(value: str | None, is_open: bool) -> str | None:
    return str(value) if value and is_open else MASK if value else value


def fresh(values: Mapping[str, Any]) -> Diff:
    """The differences of a record that did not exist."""
    return {name: (None, value) for name, value in values.items() if value not in NOTHING}
