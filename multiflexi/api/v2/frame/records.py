"""Records as this surface shows them: members of choice, related records on request."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache, cached_property, partial
from typing import Any, ClassVar

from django.db.models import Model
from django.utils import timezone
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.relations import PKOnlyObject
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
        kind: Any = type(self)
        found = {name: _own(one) for name, one in _fields_of(kind).items()}
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

    def to_representation(self, instance: Any) -> Any:
        if not isinstance(instance, self.Meta.model):
            return super().to_representation(instance)
        return {name: told for name, read in self._readers if (told := read(instance)) is not _SKIPPED}

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any]]]:
        """How each member is read, found out once for all rows of a list."""
        plain = _plain_columns(self.Meta.model)
        return [(str(one.field_name), _reader(one, plain)) for one in self._readable_fields]

    def get_validators(self) -> list[Any]:
        return []

    def _is_outermost(self) -> bool:
        return self.parent is None or (
            isinstance(self.parent, serializers.ListSerializer) and self.parent.parent is None
        )


_SKIPPED = object()


@cache
def _plain_columns(model: type[Model]) -> frozenset[str]:
    """Attributes of a row that hold the value of a column, and are nothing to be called or fetched."""
    return frozenset(field.attname for field in model._meta.concrete_fields)


def _reader(member: Any, plain: frozenset[str]) -> Callable[[Any], Any]:
    if len(member.source_attrs) != 1 or member.source not in plain or isinstance(member, serializers.RelatedField):
        return partial(_read, member)
    convert = member.to_representation
    if type(member) is serializers.DateTimeField and not hasattr(member, "format"):
        convert = partial(_moment, timezone.get_current_timezone())

    def read(one: Any) -> Any:
        value = getattr(one, member.source)
        return None if value is None else convert(value)

    return read


def _read(member: Any, one: Any) -> Any:
    """As the framework reads a member."""
    try:
        value = member.get_attribute(one)
    except SkipField:
        return _SKIPPED
    missing = value.pk is None if isinstance(value, PKOnlyObject) else value is None
    return None if missing else member.to_representation(value)


def _moment(zone: tzinfo, value: datetime) -> str:
    """As the framework writes it, which asks for the zone at each value."""
    return value.astimezone(zone).isoformat().replace("+00:00", "Z")


@cache
def _fields_of(kind: Any) -> dict[str, Any]:
    """The members of a record, made from its model once; a serializer takes copies."""
    found: dict[str, Any] = serializers.ModelSerializer.get_fields(kind())
    for one in found.values():
        # They would tell of records that the caller may not know of.
        one.validators = [rule for rule in one.validators if not isinstance(rule, UniqueValidator)]
    return found


def _own(member: Any) -> Any:
    """A copy to be bound to a serializer: of what is bound itself a deep one, which costs as much as making it anew."""
    parts = isinstance(member, serializers.BaseSerializer) or hasattr(member, "child")
    return copy.deepcopy(member) if parts or hasattr(member, "child_relation") else copy.copy(member)


def _members(kind: Any) -> list[str]:
    return list(kind().fields) if kind else []


def _words(request: Request, name: str) -> frozenset[str]:
    return frozenset(word.strip() for word in request.query_params.get(name, "").split(",") if word.strip())
