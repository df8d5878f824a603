"""SQLite's queue backend: one writer at a time, so an immediate transaction is the lock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models

from multiflexi.jobs.queue.base import Backend, Fields, M


class SQLite(Backend):
    rollup_conflict = "ON CONFLICT (runtemplate_id, hour, outcome, trigger_kind) DO UPDATE SET"
    smallest = "MIN"
    greatest = "MAX"

    def now(self) -> datetime:
        """The host's clock: an embedded database has no other."""
        return datetime.now(UTC)

    def statement_clock(self) -> tuple[str, list[Any]]:
        return "%s", [connection.ops.adapt_datetimefield_value(self.now())]

    def lock(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows

    def lock_waiting(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows

    # No server, hence no round trips: the prepared statement is run row by row.
    def update_stored(self, table: str, written: Fields, compared: Fields, rows: Sequence[Sequence[Any]]) -> int:
        assignments = ", ".join(f"{connection.ops.quote_name(str(field.column))} = %s" for field in written)
        conditions = " AND ".join(self.equal(field, "%s") for field in compared)
        return self.execute_many(f"UPDATE {table} SET {assignments} WHERE {conditions}", rows)  # noqa: S608
