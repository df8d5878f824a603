"""Queries that every request asks: their SQL is made once, because making it takes longer than running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Model, QuerySet

_FIRST_NUMBER = -8_000_000_000_000_000_000
_FIRST_MOMENT = datetime(1700, 1, 1, tzinfo=UTC)


class _Plan(NamedTuple):
    sql: str
    fixed: tuple[Any, ...]
    # Position of a parameter, and which of the values it takes.
    places: tuple[tuple[int, int], ...]
    compiler: Any
    converters: Any


class Compiled:
    """A query of values (`values_list`) over numbers, texts, moments, or lists of one of these that are never empty.

    `build` makes the query from its arguments; it may only hand them on to look-ups, never look at them.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._plans: dict[tuple[Any, ...], _Plan] = {}

    def __call__(self, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows for these arguments."""
        filled = [_filled_up(one) if isinstance(one, list) else one for one in arguments]
        values = list(_flat(filled))
        shape = connection.vendor, *(len(one) if isinstance(one, list) else 0 for one in filled)
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._plans[shape] = self._planned(filled)
        parameters = list(plan.fixed)
        for place, number in plan.places:
            parameters[place] = _adapted(values[number])
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, parameters)
            rows = cursor.fetchall()
        if plan.converters:
            rows = [tuple(row) for row in plan.compiler.apply_converters(rows, plan.converters)]
        return list(rows)

    def _planned(self, arguments: list[Any]) -> _Plan:
        stand_ins = _stand_ins(arguments)
        compiler = self._build(*stand_ins).query.get_compiler(connection.alias)
        sql, fixed = compiler.as_sql()
        known = {_adapted(one): number for number, one in enumerate(_flat(stand_ins))}
        places = tuple((place, known[one]) for place, one in enumerate(fixed) if _hashable(one) and one in known)
        if {number for _place, number in places} != set(known.values()):
            # Else the stand-in would be asked for, and a right be judged by it.
            raise TypeError("an argument is not handed on to a look-up as it is")
        return _Plan(sql, tuple(fixed), places, compiler, compiler.get_converters(_selected(compiler)))


def columns(model: type[Model], path: str = "") -> list[str]:
    """All columns of a model, as `values_list` names them when it is reached by this path."""
    return [path + field.attname for field in model._meta.concrete_fields]


def _selected(compiler: Any) -> list[Any]:
    # The parts of a union have the same columns; those of the first one are converted.
    parts = getattr(compiler.query, "combined_queries", ())
    if parts:
        first = parts[0].get_compiler(connection.alias)
        first.setup_query()
        return [one[0] for one in first.select]
    return [one[0] for one in compiler.select]


def _filled_up(values: list[Any]) -> list[Any]:
    """As many values as the next power of two by repeating the last one: fewer plans, the same `IN`."""
    size = 1 << max(0, len(values) - 1).bit_length()
    return values + values[-1:] * (size - len(values))


def _stand_ins(arguments: list[Any]) -> list[Any]:
    """Values of the same types that occur nowhere else."""
    numbers = iter(range(1 << 30))

    def stand_in(value: Any) -> Any:
        number = next(numbers)
        if isinstance(value, datetime):
            return _FIRST_MOMENT + timedelta(seconds=number)
        return f"stand-in \x02{number}" if isinstance(value, str) else _FIRST_NUMBER + number

    return [[stand_in(each) for each in one] if isinstance(one, list) else stand_in(one) for one in arguments]


def _flat(arguments: Iterable[Any]) -> Iterator[Any]:
    for one in arguments:
        if isinstance(one, list):
            yield from one
        else:
            yield one


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def _hashable(value: Any) -> bool:
    return isinstance(value, int | str | datetime)
