"""Why a service did not do what was asked. Every text names the thing, the rule and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ServiceError(Exception):
    """Base of all refusals; `code` is for programs, `details` and `members` carry data beside the message."""

    def __init__(
        self,
        message: str,
        code: str,
        *,
        details: Mapping[str, Any] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details: Mapping[str, Any] = details or {}
        self.members: Mapping[str, Any] = members or {}


class NotFound(ServiceError):
    """The record does not exist, or not for this caller."""


class Refused(ServiceError):
    """The request is well-formed, but a rule or a state forbids it."""


class NotPermitted(Refused):
    """The caller may see the object, but not do this with it."""


class BadCredential(ServiceError):
    """Whoever asks did not prove who they are; why is told to the audit trail only."""


class TooMany(ServiceError):
    """Asked too often; `retry_after` are the seconds until it may be asked again."""

    def __init__(self, message: str, code: str, *, retry_after: int) -> None:
        super().__init__(message, code, details={"retry_after": retry_after})
        self.retry_after = retry_after


class Invalid(ServiceError):
    """A value is unusable."""


class BadQuery(Invalid):
    """A list was asked for with an unknown filter word or column."""


class Conflict(ServiceError):
    """Something with the same identity already exists, or somebody else changed the record."""


def invalid_field(field: str, rule: str, **details: Any) -> Invalid:
    """`rule` is a sentence that says what is allowed."""
    return Invalid(f"{field}: {rule}", "invalid_value", details={"field": field, "rule": rule, **details})
