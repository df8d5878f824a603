"""The queue's SQL, one backend per database; everything else in the platform is plain ORM."""

from __future__ import annotations

from functools import lru_cache

from django.db import DatabaseError, InterfaceError, connection

from multiflexi.jobs.queue.base import Backend
from multiflexi.jobs.queue.mariadb import MariaDB
from multiflexi.jobs.queue.postgresql import PostgreSQL
from multiflexi.jobs.queue.sqlite import SQLite

_BACKENDS: dict[str, type[Backend]] = {"postgresql": PostgreSQL, "mysql": MariaDB, "sqlite": SQLite}


def is_passing(error: Exception) -> bool:
    """Whether an error is about the connection, the server or a rival, so that a repetition may help."""
    return isinstance(error, InterfaceError) or (isinstance(error, DatabaseError) and backend().is_passing(error))


@lru_cache(maxsize=1)
def backend() -> Backend:
    """The backend of the configured database."""
    return _BACKENDS[connection.vendor]()
