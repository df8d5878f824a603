"""Records as this surface shows them: members of choice, related records on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.validators import UniqueValidator

from multiflexi.services.errors import BadQuery


@dataclass(frozen=True, slots=True)
class Shape:
    """Members the caller wants; without `fields` all of them."""

    fields: frozenset[str] = frozenset()
    omit: frozenset[str] = frozenset()
    expand: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        return not (self.fields or self.omit or self.expand)


def shape_of(request: Request, kind: type[serializers.BaseSerializer[Any]] | None) -> Shape:
    """The members asked for. Raises BadQuery for members that the record does not have."""
    asked = {name: _words(request, name) for name in ("fields", "omit", "expand")}
    if not any(asked.values()):
        return Shape()
    offered = set(getattr(kind, "expandable", {}))
    known = set(_members(kind)) | offered
    for name, words in asked.items():
        strange = words - (offered if name == "expand" else known)
        if strange:
            usable = sorted(offered if name == "expand" else known)
            raise BadQuery(
                f"{name}: there is no {', '.join(sorted(strange))} here; use {', '.join(usable) or 'none'}.",
                "unknown_member",
                details={"members": usable},
            )
    return Shape(asked["fields"], asked["omit"], asked["expand"])


class Plain(serializers.Serializer[Any]):
    """A document that is no row; its description marks no member of an answer as optional."""


class Record(serializers.ModelSerializer[Any]):
    """A row. `expandable` are related records that `expand=` adds; services judge what is unique."""

    expandable: ClassVar[Mapping[str, type[serializers.BaseSerializer[Any]]]] = {}

    def get_fields(self) -> dict[str, Any]:
        found: dict[str, Any] = super().get_fields()
        for one in found.values():
            # They would tell of records that the caller may not know of.
            one.validators = [rule for rule in one.validators if not isinstance(rule, UniqueValidator)]
        if not self._is_outermost():
            return found
        shape: Shape = self.context.get("shape", Shape())
        described = getattr(self.context.get("view"), "swagger_fake_view", False)
        for name, kind in self.expandable.items():
            if described or name in shape.expand:
                found[name] = kind(read_only=True, required=False)
        if shape.fields:
            found = {name: one for name, one in found.items() if name in shape.fields | shape.expand}
        return {name: one for name, one in found.items() if name not in shape.omit}

    def get_validators(self) -> list[Any]:
        return []

    def _is_outermost(self) -> bool:
        return self.parent is None or (
            isinstance(self.parent, serializers.ListSerializer) and self.parent.parent is None
        )


def _members(kind: Any) -> list[str]:
    return list(kind().fields) if kind else []


def _words(request: Request, name: str) -> frozenset[str]:
    return frozenset(word.strip() for word in request.query_params.get(name, "").split(",") if word.strip())
