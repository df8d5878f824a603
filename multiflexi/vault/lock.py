"""One process at a time creates keys, on every database."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_POSTGRESQL_LOCK = 0x6D662D6B657973  # "mf-keys"; advisory locks are numbers and belong to one database
_WAIT_SECONDS = 60


@contextmanager
def alone() -> Iterator[None]:
    """Run the block in a transaction of its own while no other process runs it.

    Raises RuntimeError inside another transaction: keys that are rolled back after being used would take
    everything sealed with them along. Raises TimeoutError when the lock of MariaDB is not given in time.
    """
    if connection.vendor == "mysql":
        with _mysql_lock(), transaction.atomic(durable=True):
            yield
        return
    # SQLite needs no lock: its transactions begin IMMEDIATE and so already wait for each other.
    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_POSTGRESQL_LOCK])
        yield


@contextmanager
def _mysql_lock() -> Iterator[None]:
    """Held around the transaction, since a named lock of MariaDB is not released by its commit."""
    # Named locks belong to the server, not to the database.
    name = "mf-keys-" + hashlib.sha256(str(connection.settings_dict["NAME"]).encode()).hexdigest()[:32]
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [name, _WAIT_SECONDS])
        if cursor.fetchone() != (1,):
            raise TimeoutError(f"another process has been creating keys for {_WAIT_SECONDS} seconds; try again")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT RELEASE_LOCK(%s)", [name])
