"""Pages of lists: by limit and offset with a count, or by a cursor where rows are only ever added."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from multiflexi.api.v2.frame.filters import integer, unusable
from multiflexi.services.errors import BadQuery

DEFAULT, MOST = 50, 500
OFFSET, CURSOR = ("limit", "offset"), ("cursor", "page_size")
BY_ID = ("pk", "-pk")


class Pages(BasePagination):
    """`{"count", "next", "previous", "results"}`; `count` is null in pages by cursor, which never count.

    A view with `append_only` is paged by cursor unless the caller asks for an offset or an order other than by id.
    """

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.count: int | None = None
        self.next = self.previous = None
        if self._by_cursor(queryset, view):
            return self._from_cursor(queryset)
        return self._from_offset(queryset)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"count": self.count, "next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: Any) -> Any:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": ["integer", "null"], "description": "All matches; null in pages by cursor."},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        number = {"type": "integer", "minimum": 1, "default": DEFAULT}
        found = [_parameter("limit", number), _parameter("offset", {"type": "integer", "minimum": 0})]
        if view.append_only:
            found += [
                _parameter("page_size", number),
                _parameter("cursor", {"type": "string"}),
                _parameter("pagination", {"type": "string", "enum": ["cursor", "offset"]}),
            ]
        return found

    def _by_cursor(self, rows: QuerySet[Any], view: Any) -> bool:
        asked = self.request.query_params
        if not view.append_only:
            return False
        by_id = rows.query.order_by[:1] and rows.query.order_by[0] in BY_ID
        mode = asked.get("pagination")
        if mode not in (None, "cursor", "offset"):
            raise unusable("pagination", mode, "use cursor or offset")
        if (mode == "cursor" or "cursor" in asked) and not by_id:
            raise BadQuery("Pages by cursor are ordered by id or -id; use pagination=offset.", "cursor_order")
        return bool(by_id) and mode != "offset" and (mode == "cursor" or not set(OFFSET) & set(asked))

    def _from_offset(self, rows: QuerySet[Any]) -> list[Any]:
        limit, offset = self._size("limit"), self._number("offset", 0)
        self.count = rows.count()
        found = list(rows[offset : offset + limit]) if offset < self.count else []
        here = self.request.build_absolute_uri()
        if offset + limit < self.count:
            self.next = replace_query_param(here, "offset", offset + limit)
        if offset > 0:
            self.previous = replace_query_param(here, "offset", max(offset - limit, 0))
        return found

    def _from_cursor(self, rows: QuerySet[Any]) -> list[Any]:
        size = self._size("page_size")
        backwards, mark = _read(self.request.query_params.get("cursor"))
        falling = rows.query.order_by[0] == "-pk"
        if mark is not None:
            rows = rows.filter(**{"pk__lt" if falling != backwards else "pk__gt": mark})
        if backwards:
            rows = rows.order_by("pk" if falling else "-pk")
        found = list(rows[: size + 1])
        more, found = len(found) > size, found[:size]
        if backwards:
            found.reverse()
        here = self.request.build_absolute_uri()
        if found and (more or backwards):
            self.next = replace_query_param(here, "cursor", _mark("n", found[-1].pk))
        if found and (more if backwards else mark is not None):
            self.previous = replace_query_param(here, "cursor", _mark("p", found[0].pk))
        return found

    def _size(self, name: str) -> int:
        return min(self._number(name, DEFAULT, least=1), MOST)

    def _number(self, name: str, default: int, least: int = 0) -> int:
        told = self.request.query_params.get(name)
        if told is None:
            return default
        try:
            found = integer(told)
        except ValueError as error:
            raise unusable(name, told, str(error)) from None
        if found < least:
            raise unusable(name, told, f"the least is {least}")
        return found


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _mark(direction: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{direction}{number}".encode()).decode().rstrip("=")


def _read(cursor: str | None) -> tuple[bool, int | None]:
    if not cursor:
        return False, None
    try:
        told = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if told[:1] not in ("n", "p"):
            raise ValueError
        return told[0] == "p", integer(told[1:])
    except (binascii.Error, ValueError):
        raise BadQuery("The cursor is damaged; take it from next or previous of a page.", "bad_cursor") from None
