"""PostgreSQL's queue backend."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from django.db import DatabaseError, Error, connection, models, transaction

from multiflexi.jobs.queue.base import Backend, Fields, M
from multiflexi.jobs.queue.hints import Listener, Topic

log = logging.getLogger(__name__)

_LENGTH = re.compile(r"\(.*\)")

COPIED_FROM = 100
ENDED_SESSION = frozenset({"25P03", "25P04"})


class PostgreSQL(Backend):
    clock_sql = "SELECT clock_timestamp()"
    # A comparison that no index serves: with "=" the planner, whose statistics are always older than the last tick,
    # may look rows up by a next_schedule that all of them share instead of by their key.
    same = "IS NOT DISTINCT FROM"
    rollup_conflict = "ON CONFLICT (runtemplate_id, hour, outcome, trigger_kind) DO UPDATE SET"

    looks_by_company = True

    # The clock of clock_timestamp() moves within a statement, so no index could be searched with it.
    def statement_clock(self) -> tuple[str, list[Any]]:
        return "statement_timestamp()", []

    # Behind the commit and in a transaction of its own: one with a notification holds a lock of the whole server while
    # its commit is written, and fails if the notification does.
    def hint(self, topic: Topic) -> None:
        if not _is_pending(topic):
            transaction.on_commit(_Hint(topic))

    def listen(self, *topics: Topic) -> Listener:
        # psycopg is there only where PostgreSQL is the database.
        from multiflexi.jobs.queue.listening import Notifications

        return Notifications(*topics)

    # NO KEY: a full row lock would wait for every transaction that merely inserts a row referring to this one.
    def lock(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows.select_for_update(skip_locked=True, no_key=True)

    def lock_waiting(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows.select_for_update(no_key=True)

    # A COPY takes one round trip more than an INSERT, and a fraction of its work for each row.
    def append(self, rows: Sequence[models.Model]) -> None:
        if len(rows) < COPIED_FROM:
            super().append(rows)
            return
        fields = [field for field in rows[0]._meta.concrete_fields if not field.primary_key]
        quote = connection.ops.quote_name
        columns = ", ".join(quote(str(field.column)) for field in fields)
        statement = f"COPY {quote(rows[0]._meta.db_table)} ({columns}) FROM STDIN"
        values = attrgetter(*(str(field.attname) for field in fields))
        # Django wraps the errors of a cursor, not those of what it returns.
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(values(row))

    # Class 54 is about a value or statement that is too big. A session that the server ended because its transaction
    # did nothing for too long is reported as an internal error.
    def is_passing(self, error: DatabaseError) -> bool:
        state = getattr(error.__cause__, "sqlstate", None) or ""
        return state in ENDED_SESSION or (super().is_passing(error) and not state.startswith("54"))

    def update_stored(self, table: str, written: Fields, compared: Fields, rows: Sequence[Sequence[Any]]) -> int:
        columns = [*written, *compared]
        names = [f"v{number}" for number in range(len(columns))]
        quote = connection.ops.quote_name
        assignments = [f"{quote(str(field.column))} = new.{name}" for field, name in zip(written, names, strict=False)]
        conditions = [
            self.equal(field, f"new.{name}", of="old.")
            for field, name in zip(compared, names[len(written) :], strict=True)
        ]
        # The first row tells the types of the columns. Arrays in the place of rows would be shorter, but their literals
        # are made character by character, which is slow for documents.
        typed = ", ".join(f"%s::{_type_of(field)}" for field in columns)
        further = f", ({', '.join(['%s'] * len(columns))})" * (len(rows) - 1)
        sql = (
            f"UPDATE {table} AS old SET {', '.join(assignments)} "  # noqa: S608
            f"FROM (VALUES ({typed}){further}) AS new({', '.join(names)}) WHERE {' AND '.join(conditions)}"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for row in rows for value in row])
            return int(cursor.rowcount)


def _type_of(field: models.Field[Any, Any]) -> str:
    """Without the length, so that a value that is too long is refused as usual; an explicit cast would cut it."""
    return _LENGTH.sub("", str(field.rel_db_type(connection)))


class _Hint:
    """Sends a hint of one topic."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic

    def __call__(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [self.topic])
        except Error as error:
            log.debug("a hint could not be sent", extra={"topic": self.topic, "error": str(error)})


def _is_pending(topic: Topic) -> bool:
    """Whether a hint of this topic will be sent anyway; what was undone with its savepoint is not in the list."""
    return any(isinstance(entry[1], _Hint) and entry[1].topic == topic for entry in connection.run_on_commit)
