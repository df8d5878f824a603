"""One line of the page of health."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands, the worst last."""

    SKIPPED = "skipped"
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is; `hint` is the way out when it is not well."""

    name: str
    state: State
    message: str
    hint: str = ""


# A group of checks; it is given the seconds it may wait for others.
Group = Callable[[float], Iterator[Finding]]


def well(name: str, message: str) -> Finding:
    return Finding(name, State.OK, message)


def doubtful(name: str, message: str, hint: str) -> Finding:
    return Finding(name, State.WARNING, message, hint)


def broken(name: str, message: str, hint: str) -> Finding:
    return Finding(name, State.ERROR, message, hint)
