"""Which job, company or request a log line is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

IDS = ("job", "runtemplate", "company", "app", "task", "user", "request")
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

NO_IDS: Mapping[str, Any] = MappingProxyType({})
_current: ContextVar[Mapping[str, Any]] = ContextVar("log_ids", default=NO_IDS)


@contextmanager
def bound(**ids: Any) -> Iterator[None]:
    """Add ids to every line logged inside the block, in this thread or task only."""
    token = _current.set({**_current.get(), **ids})
    try:
        yield
    finally:
        _current.reset(token)


def ids_of(record: logging.LogRecord) -> dict[str, Any]:
    """The ids of a record: those of the surrounding blocks, overridden by its own ``extra``."""
    # Django hands the whole request over under the name of its id.
    own = {key: record.__dict__[key] for key in IDS if isinstance(record.__dict__.get(key), (int, str))}
    given = {**_current.get(), **own}
    return {key: given[key] for key in IDS if given.get(key) is not None}


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """What else was passed as ``extra``; keys named like a secret are left out."""
    from multiflexi.vault.secrecy import named_like_a_secret

    return {
        key: value
        for key, value in record.__dict__.items()
        if key not in STANDARD and key not in IDS and not named_like_a_secret(key)
    }
