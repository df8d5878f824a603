"""What a request carries: JSON or a form, as one mapping of names and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from django.http import HttpRequest, QueryDict

from multiflexi.services import storable
from multiflexi.services.errors import Invalid

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class UnusableType(Exception):
    """The body is of a media type that is not read here."""


def of(request: HttpRequest) -> dict[str, Any]:
    """The members of the body, empty without one. Raises Invalid and UnusableType."""
    kind = (request.content_type or "").lower()
    if kind in FORMS and request.method == "POST":
        return _clean(_single(request.POST))
    content = request.body
    if not content.strip():
        return {}
    if kind == FORMS[0]:
        return _clean(_single(QueryDict(content, encoding="utf-8")))
    if kind == "application/json" or kind.endswith("+json") or kind in ("", "text/plain"):
        return _clean(_json(content))
    raise UnusableType(f"{kind} is not read here; send application/json or a form.")


def query_of(request: HttpRequest) -> dict[str, Any]:
    """The parameters of the address; the last one of a name counts. Raises Invalid."""
    return _clean(_single(request.GET))


def _single(values: QueryDict) -> dict[str, Any]:
    return {name: values.getlist(name) if name.endswith("[]") else values[name] for name in values}


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Invalid("The body is no JSON document in UTF-8; correct it.", "invalid_json") from None
    if not isinstance(found, dict):
        raise Invalid("The body must be a JSON object with named members.", "invalid_json")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _clean(given: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse what no column can hold, before it reaches the database."""
    for name, value in given.items():
        try:
            storable.check_text(name)
            storable.check(value)
        except ValueError as error:
            raise Invalid(f"{name}: {error}", "invalid_value", details={"field": name, "rule": str(error)}) from None
    return dict(given)
