"""Find one record by number or natural key."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from multiflexi.services.errors import Conflict, NotFound, Refused

M = TypeVar("M", bound=Model)
LARGEST_ID = 2**63 - 1
# Python refuses to read numbers of thousands of digits.
MOST_DIGITS = 19


def not_found(noun: str, described: str) -> NotFound:
    """The one wording of a missing record; programs search it for "not found"."""
    return NotFound(f"{noun} with {described} not found", f"{noun.lower().replace(' ', '_')}_not_found")


def taken(what: str, found: Model, *, seen: bool, code: str, field: str) -> Conflict:
    """The refusal of a name that another row has; its id is told to those who may know of that row (`seen`)."""
    return Conflict(
        f"{what} already exists{f' (id {found.pk})' if seen else ''}; choose another {field}.",
        code,
        details={"id": found.pk, "field": field} if seen else {"field": field},
    )


def by_id(rows: QuerySet[M], noun: str, number: Any) -> M:
    """The row with this id. Raises NotFound."""
    if not is_id(number):
        raise not_found(noun, f"id {number}")
    # Not `first`, which would make the database sort one row.
    found = list(rows.filter(pk=int(number)).order_by()[:1])
    if not found:
        raise not_found(noun, f"id {number}")
    return found[0]


def by_key(rows: QuerySet[M], noun: str, **key: Any) -> M:
    """The row with this natural key, given as one look-up. Raises NotFound, and Refused when several have it."""
    ((lookup, wanted),) = key.items()
    found = list(rows.filter(**key).order_by("pk")[:2])
    described = f"{lookup.partition('__')[0]} {wanted}"
    if not found:
        raise not_found(noun, described)
    if len(found) > 1:
        raise Refused(
            f"More than one {noun.lower()} has {described}; use its id.",
            f"{noun.lower().replace(' ', '_')}_ambiguous",
            details={"ids": list(rows.filter(**key).order_by("pk").values_list("pk", flat=True))},
        )
    return found[0]


def by_id_or(rows: QuerySet[M], noun: str, reference: Any, key: str) -> M:
    """The row with this id when the reference is a number, else with this natural key. Raises as the two above."""
    return by_id(rows, noun, reference) if is_id(reference) else by_key(rows, noun, **{key: str(reference)})


def is_id(reference: Any) -> bool:
    text = str(reference)
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) <= LARGEST_ID
