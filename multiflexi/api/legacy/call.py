"""One request as operations see it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from rest_framework.request import Request

from multiflexi.api.legacy import bodies, fields
from multiflexi.api.legacy.fields import Field
from multiflexi.api.legacy.profiles import Profile
from multiflexi.http.requests import actor_of
from multiflexi.models import User
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import lookup
from multiflexi.services.errors import invalid_field


class Call:
    """`values` are the parts of the path that the route names, `suffix` is the format to answer in."""

    def __init__(self, request: Request, values: Mapping[str, str], profile: Profile, suffix: str) -> None:
        self.request, self.values, self.profile, self.suffix = request, values, profile, suffix

    @cached_property
    def actor(self) -> Actor:
        return actor_of(self.request, Origin.API)

    @property
    def user(self) -> User | None:
        """The account that asks; None for somebody unknown."""
        return self.request.user if isinstance(self.request.user, User) else None

    @cached_property
    def query(self) -> dict[str, Any]:
        """Parameters of the address."""
        return bodies.query_of(self.request._request)

    @cached_property
    def body(self) -> dict[str, Any]:
        """Members of the body."""
        return bodies.of(self.request._request)

    def number(self, name: str, noun: str) -> int:
        """An id of the path. Raises NotFound for what is none."""
        text = self.values[name]
        if not lookup.is_id(text):
            raise lookup.not_found(noun, f"id {text}")
        return int(text)

    def given(self, known: Mapping[str, Field]) -> dict[str, Any]:
        """The known members of body and address, those of the body first, as the service names them.

        Raises Invalid, also for a secret in the address, which would be written to logs.
        """
        for name, field in known.items():
            if field.secret and name in self.query:
                raise invalid_field(name, "a secret in an address ends up in logs; send it in the body.")
        return fields.read({**self.query, **self.body}, known)

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no of the address. Raises Invalid."""
        found = fields.one(name, fields.TRUTH, self.query[name]) if name in self.query else None
        return default if found is None else bool(found)
