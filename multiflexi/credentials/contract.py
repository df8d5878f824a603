"""Contract between the platform and the credential providers: plain data in, plain data out, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from multiflexi.models import Availability

TTL_SECONDS, TTL_AFTER_FAILURE_SECONDS = 300.0, 60.0


class Value(NamedTuple):
    """A variable that a provider gives to a job."""

    text: str
    secret: bool


@dataclass(frozen=True)
class Given:
    """One credential in clear, as one job would receive it.

    `values` are the variables a job would get, fixed and default ones of the type included; `internal` are settings of
    the type that no job sees; `options` are the type's switches, for example `allow_http` or `authority`; `files` holds
    the uploads of file fields; `failures` checks in a row have failed before this one. Never kept beyond the call, and
    never part of an error text.
    """

    values: Mapping[str, str] = field(repr=False)
    internal: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    company_id: int | None = None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    failures: int = 0

    def text(self, name: str) -> str:
        """The value, or the internal setting, of that name without surrounding blanks; empty when there is none."""
        return (self.values.get(name) or self.internal.get(name) or "").strip()


@dataclass(frozen=True)
class Result:
    """Outcome of one check; `message` and `details` hold no secret, `ttl` is how many seconds they count.

    `expires` says of fields when the other side, or the value itself, ends their validity; it is kept with the values.
    """

    state: Availability
    message: str
    ttl: float = TTL_SECONDS
    details: Mapping[str, Any] = field(default_factory=dict)
    expires: Mapping[str, datetime] = field(default_factory=dict)


class CannotResolve(Exception):
    """A provider cannot say now, or never, what the job is to receive; `result` tells which, without secrets."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.message)
        self.result = result


class Provider(Protocol):
    """One kind of credential. Methods may be called in any thread, never within a transaction.

    `code` is that of the prototype, `definition` its JSON as shipped. `supplies` says whether `resolve` may have
    values; one that has none is not asked before a job while the last check of the credential counts. No method
    changes anything on the other side, moves a cursor there or spends a quota that jobs need; each ends within its
    caller's time limit.
    """

    code: str
    supplies: bool

    def definition(self) -> Mapping[str, Any]:
        """The prototype's definition; `internal` lists the keywords that stay on the type and reach no job."""

    def resolve(self, given: Given) -> Mapping[str, Value]:
        """Variables beyond the stored ones, made at the start of a job. Raises CannotResolve."""

    def check(self, given: Given) -> Result:
        """Whether a job could use exactly these values now."""

    def expires(self, given: Given) -> datetime | None:
        """When the first of the values expires, as far as it can be told without asking anybody."""
