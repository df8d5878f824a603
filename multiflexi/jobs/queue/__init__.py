"""The queue's SQL, one backend per database; everything else in the platform is plain ORM."""

from __future__ import annotations

from functools import lru_cache

from django.db import connection

from multiflexi.jobs.queue.base import Backend
from multiflexi.jobs.queue.mariadb import MariaDB
from multiflexi.jobs.queue.postgresql import PostgreSQL
from multiflexi.jobs.queue.sqlite import SQLite

_BACKENDS: dict[str, type[Backend]] = {"postgresql": PostgreSQL, "mysql": MariaDB, "sqlite": SQLite}


@lru_cache(maxsize=1)
def backend() -> Backend:
    """The backend of the configured database."""
    return _BACKENDS[connection.vendor]()
