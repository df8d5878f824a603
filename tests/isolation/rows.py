"""What a row of the table of endpoints says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.isolation.plots import Plot, World
from tests.isolation.routes import filled

# For everybody, for everybody who has proven who they are, and for pages that lead to the sign-in page.
PUBLIC, OWN, PAGE = "public", "own", "page"

# Rules that show rows of a kind; what no rule is needed for is left out.
SEEN_BY = {
    **dict.fromkeys(
        ("company", "runtemplate", "idle_runtemplate", "job", "running_job", "pending_job", "old_job", "queue_entry",
         "artifact", "task", "event_rule", "limit", "log_entry"),
        "jobs.read",
    ),
    **dict.fromkeys(("credential", "spare_credential", "credential_type", "spare_credential_type"), "credentials.read"),
    **dict.fromkeys(("app", "spare_app", "prototype", "spare_prototype", "topic"), "applications.read"),
    **dict.fromkeys(("person", "leaver"), "users.read"),
    "event_source": "system.config",
    "role": "roles.read",
}  # fmt: skip
# Kinds that the collection before, or the name of a part of an address, stands for.
BY_NAME = {
    "appId": "app", "app_id": "app", "companyId": "company", "company_id": "company", "userId": "person",
    "user_id": "member", "credentialId": "credential", "credential_id": "credential",
    "credentialTypeID": "credential_type", "credentialPrototypeId": "prototype", "runTemplateId": "runtemplate",
    "jobId": "job", "job_id": "job", "artifactId": "artifact", "scheduleId": "queue_entry", "taskId": "task",
    "topicId": "topic", "eventSourceId": "event_source", "eventRuleId": "event_rule", "auditLogId": "audit_entry",
}  # fmt: skip
BY_COLLECTION = {
    "companies": "company", "apps": "app", "runtemplates": "runtemplate", "jobs": "job", "artifacts": "artifact",
    "schedule": "queue_entry", "tasks": "task", "credentials": "credential", "credential-types": "credential_type",
    "credential-prototypes": "prototype", "limits": "limit", "workers": "worker", "tokens": "token",
    "users": "person", "roles": "role", "topics": "topic", "logs": "log_entry", "audit-log": "audit_entry",
    "event-sources": "event_source", "event-rules": "event_rule", "data-exports": "data_export",
    "erasure-requests": "erasure_request", "allowlist": "allowed_network",
}  # fmt: skip
_PART = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Ref:
    """The id of a row of this kind, in a body or a query."""

    kind: str


@dataclass(frozen=True)
class Row:
    """What a request takes, and how to make one that only the lack of a right can refuse.

    `rule` is a rule of the matrix, PUBLIC, OWN or PAGE; `also` are further rules that it takes. `parts` are the kinds
    of rows for parts of the address, or texts for those, where their names do not tell. `done` are the answers to
    those who may, any success without; `refused` that to those who may not. `foreign` is the answer where the rows
    are another company's; OPEN: the same answer as to others, without those rows. `everything` is a rule whose
    holders see the rows of all companies. `person` says that no token may. `unseen` are kinds that one need not be
    able to read. Of pages, which take a session, `also` are all rules; `leaves` says that one is done with a page that
    leads to the sign-in page even who is signed in.
    """

    rule: str
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    done: tuple[int, ...] = ()
    refused: int = 403
    foreign: int | None = 404
    everything: str = ""
    person: bool = False
    endless: bool = False
    unseen: tuple[str, ...] = ()
    leaves: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


OPEN = None


def kinds_in_address(address: str, row: Row) -> dict[str, Any]:
    """Kinds, or texts, for the parts of an address."""
    found: dict[str, Any] = {}
    segments = address.split("/")
    for number, segment in enumerate(segments):
        for name in _PART.findall(segment):
            found[name] = row.parts.get(name) or BY_NAME.get(name) or BY_COLLECTION[segments[number - 1]]
    return found


def kinds_of(address: str, row: Row) -> set[str]:
    """All kinds of rows that a request names."""
    named = {kind for kind in kinds_in_address(address, row).values() if not isinstance(kind, Text)}
    return named | {one.kind for one in _refs([row.body, dict(row.query)])}


class Text(str):
    """A part of an address that is no id."""

    __slots__ = ()


def places(address: str, row: Row) -> list[tuple[str, str]]:
    """Each place of a request that names a row, with its kind."""
    in_address = [(f"{{{name}}}", kind) for name, kind in kinds_in_address(address, row).items()]
    given = {**(row.body if isinstance(row.body, dict) else {}), **row.query}
    in_body = [(name, one.kind) for name, value in given.items() for one in _refs(value)]
    return [place for place in in_address + in_body if not isinstance(place[1], Text)]


def request_of(
    address: str, row: Row, world: World, plot: Plot, elsewhere: Mapping[str, Plot] | None = None
) -> tuple[str, Any, dict[str, Any]]:
    """Path, body and query with the ids of a company; `elsewhere` names places whose rows another one has."""
    other = elsewhere or {}
    path = address
    for name, kind in kinds_in_address(address, row).items():
        value = kind if isinstance(kind, Text) else _id(world, other.get(f"{{{name}}}", plot), kind)
        path = path.replace(f"{{{name}}}", str(value))
    body = _resolved(row.body, world, plot, other)
    query = {name: _resolved({name: value}, world, plot, other)[name] for name, value in row.query.items()}
    return f"/{filled(path)}", body, query


def _id(world: World, plot: Plot, kind: str) -> Any:
    return plot.ids[kind] if kind in plot.ids else world.common[kind]


def _resolved(value: Any, world: World, plot: Plot, other: Mapping[str, Plot]) -> Any:
    if isinstance(value, Ref):
        return _id(world, plot, value.kind)
    if isinstance(value, dict):
        return {name: _resolved(one, world, other.get(name, plot), {}) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, world, plot, {}) for one in value]
    return value


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _refs(one)
    elif isinstance(value, list):
        for one in value:
            yield from _refs(one)
