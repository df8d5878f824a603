"""Pages of lists: limit, offset, order and filters, and what the headers tell of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from multiflexi.api.legacy import fields
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import Kind
from multiflexi.services.errors import BadQuery, invalid_field

LARGEST_LIMIT = 1000
# Beyond this number rows are not counted: the count would take longer than the page.
COUNTED = 10_000


@dataclass(frozen=True)
class Filter:
    """A parameter; `to` is the argument of the service's query, or with a double underscore a look-up of the rows."""

    kind: Kind
    to: str = ""


def arguments(call: Call, filters: Mapping[str, Filter]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the filters of the address mean for the service's query, and for its rows. Raises Invalid."""
    asked: dict[str, Any] = {}
    looked_up: dict[str, Any] = {}
    for name, one in filters.items():
        if call.query.get(name, "") == "":
            continue
        value = fields.one(name, one.kind, call.query[name])
        target = one.to or name
        (looked_up if "__" in target else asked)[target] = value
    return asked, looked_up


def page(
    call: Call, rows: QuerySet[Any], sortable: Mapping[str, str], limit: int | None, order: str
) -> tuple[list[Any], dict[str, str]]:
    """The wanted records and the headers that go with them. Raises Invalid and BadQuery."""
    limit, offset = _limit(call, limit), _number(call, "offset", 0, 0)
    ordered = rows.order_by(*_ordering(call.query.get("order") or order, sortable))
    found = list(ordered[offset : offset + limit + 1] if limit else ordered[offset:])
    more = bool(limit) and len(found) > (limit or 0)
    found = found[:limit]
    total = _total(rows, offset, len(found), more)
    headers = {} if total is None else {"X-Total-Count": str(total)}
    links = _links(call, limit, offset, total, more)
    return found, headers | ({"Link": links} if links else {})


def _limit(call: Call, default: int | None) -> int | None:
    if call.query.get("limit", "") == "":
        return default
    return min(_number(call, "limit", 1, 1), LARGEST_LIMIT)


def _number(call: Call, name: str, least: int, default: int) -> int:
    if call.query.get(name, "") == "":
        return default
    number: int = fields.one(name, fields.NUMBER, call.query[name])
    # No database pages further than this anyway.
    if not least <= number <= 2**62:
        raise invalid_field(name, f"the least value is {least}.")
    return number


def _ordering(asked: str, sortable: Mapping[str, str]) -> list[str]:
    wanted = []
    for part in asked.split(","):
        name = part.strip()
        sign, name = ("-", name[1:]) if name.startswith("-") else ("", name)
        if name not in sortable:
            raise BadQuery(
                f'Cannot order by "{name}"; use one of {", ".join(sortable)}, with - in front for the other direction.',
                "unknown_order",
                details={"field": "order"},
            )
        wanted.append(f"{sign}{sortable[name]}")
    last = "-" if wanted[-1].startswith("-") else ""
    return [*wanted, f"{last}pk"]


def _total(rows: QuerySet[Any], offset: int, shown: int, more: bool) -> int | None:
    if not more and (shown or not offset):
        return offset + shown
    counted = rows.order_by()[: COUNTED + 1].count()
    return counted if counted <= COUNTED else None


def _links(call: Call, limit: int | None, offset: int, total: int | None, more: bool) -> str:
    if not limit:
        return ""
    targets = {"first": 0}
    if offset:
        targets["prev"] = max(offset - limit, 0)
    if more:
        targets["next"] = offset + limit
    if total is not None:
        targets["last"] = max((total - 1) // limit, 0) * limit
    return ", ".join(f'<{_address(call, limit, start)}>; rel="{name}"' for name, start in targets.items())


def _address(call: Call, limit: int, offset: int) -> str:
    query = call.request._request.GET.copy()
    query["limit"], query["offset"] = str(limit), str(offset)
    return f"{call.request._request.path}?{query.urlencode()}"
