"""What can be asked for under which path; routes, answers and the published document are made from this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from multiflexi.api.legacy.answers import Answer
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import Field, Kind
from multiflexi.api.legacy.formats import RECORDS

Run = Callable[[Call], Answer]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the address beside filters and paging."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Operation:
    """A method on a path; `{name}` in it is a part that is handed to `run`.

    With `suffixes` one of them ends the path, else it may end in a slash, which `slash` says for the document.
    `status` is that of success. `shape` is record, array, map, wrapper or file. A blind one asks nobody who they are
    and is not counted, unless `rate` names the kind of requests it is counted among.
    """

    method: str
    path: str
    run: Run
    id: str
    summary: str
    schema: str = ""
    shape: str = "record"
    status: int = 200
    suffixes: tuple[str, ...] = ()
    slash: bool = True
    public: bool = False
    blind: bool = False
    rate: str = ""
    token_parameter: bool = False
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Field] | None = None
    required: tuple[str, ...] = ()
    tag: str = ""
    successor: str = ""

    @property
    def published_path(self) -> str:
        """The path in the document."""
        if self.suffixes:
            return f"/{self.path}.{{suffix}}"
        return f"/{self.path}{'/' if self.slash and self.path else ''}"


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, **options: Any) -> Callable[[Run], Run]:
    """Declare a function as the answer to a method on a path; its docstring is the summary."""

    def declare(run: Run) -> Run:
        summary = (run.__doc__ or "").strip().splitlines()[0]
        OPERATIONS.append(Operation(method, path, run, summary=summary, **options))
        return run

    return declare


def add(*operations: Operation) -> None:
    OPERATIONS.extend(operations)


def suffixed(method: str, path: str, **options: Any) -> Callable[[Run], Run]:
    """As `operation`, with a suffix of a record's formats."""
    return operation(method, path, **{"suffixes": RECORDS, **options})


@dataclass(frozen=True)
class Names:
    """Operation ids as they are published; those of a noun that has none are made of its name."""

    noun: str
    known: Mapping[str, str] = field(default_factory=dict)

    def of(self, what: str) -> str:
        return self.known.get(what, f"{what}{self.noun}")


def successor(noun: str, *operations: Operation) -> tuple[Operation, ...]:
    """The operations with the collection of the newer API that takes their place."""
    return tuple(replace(one, successor=noun) for one in operations)
