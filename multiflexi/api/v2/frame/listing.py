"""Parameters of a list: its declared filters, its order and its search; anything else is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from multiflexi.api.v2.frame.filters import Filter
from multiflexi.api.v2.frame.paging import CURSOR, OFFSET
from multiflexi.services import storable
from multiflexi.services.errors import BadQuery
from multiflexi.services.search import containing

SHAPE = ("fields", "omit", "expand")
COMMON = frozenset({*SHAPE, *OFFSET, *CURSOR, "pagination", "lang", "api_key"})


class Query(BaseFilterBackend):
    """Reads `filters`, `orderings` and `searched` of the view."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        known = COMMON | {"ordering", *(("search",) if view.searched else ())}
        rows = narrowed(queryset, request, view.filters, known)
        if view.searched:
            rows = containing(rows, request.query_params.get("search"), *view.searched)
        return rows.order_by(*_ordering(request, view))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        found = [_described("ordering", {"type": "array", "items": {"type": "string", "enum": _orders(view)}})]
        if view.searched:
            found.append(_described("search", {"type": "string"}))
        return found + parameters_of(view.filters)


def narrowed(
    rows: QuerySet[Any], request: Request, filters: dict[str, Filter], known: frozenset[str] = COMMON
) -> QuerySet[Any]:
    """The rows that the filters of a request select. Raises BadQuery for an unknown parameter or an unusable value."""
    for parameter, value in _given(request):
        if parameter in known:
            continue
        name = parameter.partition("__")[0]
        one = filters.get(name)
        if one is None or parameter not in one.parameters(name):
            offered = sorted(known - {"api_key"}) + [
                each for key, one in filters.items() for each in one.parameters(key)
            ]
            raise BadQuery(
                f'There is no parameter "{parameter}" here; use {", ".join(offered)}.',
                "unknown_parameter",
                details={"parameter": parameter},
            )
        rows = one.apply(rows, name, parameter, value)
    return rows


def given_filters(request: Request, filters: dict[str, Filter]) -> list[str]:
    """Names of the filters that a request uses."""
    offered = {each for name, one in filters.items() for each in one.parameters(name)}
    return [name for name in request.query_params if name in offered]


def parameters_of(filters: dict[str, Filter]) -> list[dict[str, Any]]:
    """The description of declared filters."""
    return [
        _described(parameter, dict(schema), one.description)
        for name, one in filters.items()
        for parameter, schema in one.parameters(name).items()
    ]


def _given(request: Request) -> Iterator[tuple[str, str]]:
    for parameter, values in request.query_params.lists():
        for value in values:
            try:
                storable.check([parameter, value])
            except ValueError as error:
                raise BadQuery(f"The address cannot be taken: {error}", "bad_filter") from None
            yield parameter, value


def _ordering(request: Request, view: Any) -> list[str]:
    asked = request.query_params.get("ordering")
    if not asked:
        return list(view.default_order)
    found = []
    for word in asked.split(","):
        name = word.strip()
        path = view.orderings.get(name.removeprefix("-"))
        if path is None:
            raise BadQuery(
                f'Cannot order by "{name}"; use {", ".join(view.orderings)}, with - before it for the other direction.',
                "unknown_order",
                details={"columns": list(view.orderings)},
            )
        found.append(f"-{path}" if name.startswith("-") else path)
    return found if {"pk", "-pk"} & set(found) else [*found, "pk"]


def _orders(view: Any) -> list[str]:
    return [f"{sign}{name}" for name in view.orderings for sign in ("", "-")]


def _described(name: str, schema: dict[str, Any], text: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": "query", "required": False, "schema": schema}
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": False}
    return found | ({"description": text} if text else {})
