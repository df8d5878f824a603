"""A kind of record with its list, its single record and its changes, declared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from multiflexi.api.legacy import fields, lists
from multiflexi.api.legacy.answers import Answer, Row, listing, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import Names, Operation, Parameter, Run, add, successor
from multiflexi.api.legacy.fields import NUMBER, Field
from multiflexi.api.legacy.formats import LISTS, RECORDS
from multiflexi.api.legacy.lists import Filter
from multiflexi.record.actor import Actor

PAGING = (
    Parameter("limit", fields.NUMBER),
    Parameter("offset", fields.NUMBER),
    Parameter("order", fields.TEXT),
)


@dataclass(frozen=True)
class Noun:
    """`one` and `many` are its paths, `key` the published name of its id, `name` that of the services.

    `rows` and `detail` present records; the functions that change them may be missing. `limit` None: all of them.
    """

    one: str
    many: str
    key: str
    name: str
    schema: str
    item: str
    query: Callable[..., QuerySet[Any]]
    rows: Callable[[Call, list[Any]], list[Row]]
    sortable: Mapping[str, str]
    find: Callable[[Actor, int], Any]
    detail: Callable[[Call, Any], Row]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    limit: int | None = 20
    order: str = "id"
    keyed: bool = False
    fields: Mapping[str, Field] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    create: Callable[[Call], Any] | None = None
    update: Callable[[Call, Any], None] | None = None
    remove: Callable[[Call, Any], None] | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    slash: bool = True
    token_parameter: bool = False
    successor: str = ""
    save: Callable[[Noun, Call], Answer] | None = None
    more: Mapping[str, tuple[Parameter, ...]] = field(default_factory=dict)
    warn: Callable[[Call, Any], list[str]] | None = None

    def select(self, call: Call) -> Any:
        """The record that the path names. Raises NotFound."""
        return self.find(call.actor, call.number(self.key, self.name))

    def list_all(self, call: Call) -> Answer:
        asked, looked_up = lists.arguments(call, self.filters)
        rows = self.query(call.actor, **asked).filter(**looked_up)
        found, headers = lists.page(call, rows, self.sortable, self.limit, self.order)
        answer = listing(self.rows(call, found), schema=self.schema, item=self.item, title=self.many)
        answer.keyed, answer.noun, answer.headers = self.keyed, self.one, headers
        return answer

    def list_plainly(self, call: Call) -> Answer:
        answer = self.list_all(call)
        answer.keyed = False
        return answer

    def get(self, call: Call) -> Answer:
        return self._shown(call, self.select(call))

    def saved(self, call: Call) -> Answer:
        """`made`, or what takes its place."""
        return self.save(self, call) if self.save else self.made(call)

    def made(self, call: Call) -> Answer:
        """Create, or change the record whose id is given in the address or in the body."""
        given = call.query.get(self.key, call.body.get("id", call.query.get("id")))
        if given in (None, "", 0, "0"):
            return self.created(call)
        call.values = {**call.values, self.key: str(fields.one("id", NUMBER, given))}
        return self.changed(call)

    def created(self, call: Call) -> Answer:
        made = self.create(call)  # type: ignore[misc]
        return self._warned(call, self._shown(call, self.find(call.actor, made.pk)), made)

    def changed(self, call: Call) -> Answer:
        self.update(call, self.select(call))  # type: ignore[misc]
        found = self.select(call)
        return self._warned(call, self._shown(call, found), found)

    def removed(self, call: Call) -> Answer:
        found = self.select(call)
        number = found.pk
        self.remove(call, found)  # type: ignore[misc]
        return record({"success": True, "id": number}, schema="Done")

    def _shown(self, call: Call, found: Any) -> Answer:
        answer = record(self.detail(call, found), schema=self.schema, title=f"{self.schema} {found.pk}")
        answer.noun = self.one
        return answer

    def _warned(self, call: Call, answer: Answer, found: Any) -> Answer:
        """With what was stored otherwise than it was given."""
        warnings = self.warn(call, found) if self.warn else []
        if warnings:
            answer.document |= {"warnings": warnings}
        return answer

    def declare(self) -> None:
        """Add its operations to those of the surface."""
        add(*successor(self.successor or self.many, *self._operations()))

    def _operations(self) -> list[Operation]:
        names = Names(self.schema, self.ids)
        single = f"{self.one}/{{{self.key}}}"

        def on(method: str, path: str, run: Run, what: str, summary: str, **options: Any) -> Operation:
            given: dict[str, Any] = {"schema": self.schema, "tag": self.one, "token_parameter": self.token_parameter}
            given |= {"parameters": self.more.get(method, ())} | options
            return Operation(method, path, run, names.of(what), summary, **given)

        by_filter = tuple(Parameter(name, one.kind) for name, one in self.filters.items())
        many = {"shape": "map" if self.keyed else "array", "parameters": (*PAGING, *by_filter)}
        changes = {"body": self.fields}
        operations = [
            on("GET", self.many, self.list_all, "list", f"List {self.many}", suffixes=LISTS, **many),
            on("GET", single, self.get, "get", f"Show one of {self.many}", suffixes=RECORDS),
        ]
        if self.create:
            by_id = (Parameter(self.key, fields.NUMBER),)
            operations += [
                on("GET", self.one, self.list_plainly, "plain", f"List {self.many}", **(many | {"shape": "array"})),
                on("POST", self.one, self.saved, "set", f"Create or change one of {self.many}", status=201,
                   parameters=by_id, slash=self.slash, **changes),
                on("POST", self.many, self.created, "create", f"Create one of {self.many}", status=201,
                   suffixes=RECORDS, required=self.required, **changes),
            ]  # fmt: skip
        if self.update:
            operations += [
                on("POST", single, self.changed, "update", f"Change one of {self.many}", status=201,
                   suffixes=RECORDS, **changes),
                on("PUT", single, self.changed, "put", f"Change one of {self.many}", suffixes=RECORDS, **changes),
                on("PATCH", single, self.changed, "patch", f"Change one of {self.many}", suffixes=RECORDS, **changes),
            ]  # fmt: skip
        if self.remove:
            operations.append(
                on("DELETE", single, self.removed, "delete", f"Delete one of {self.many}", suffixes=RECORDS,
                   schema="Done")
            )  # fmt: skip
        return operations
