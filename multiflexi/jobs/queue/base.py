"""What every database's queue backend can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from django.db import DatabaseError, OperationalError, connection, models

M = TypeVar("M", bound=models.Model)
Columns = Mapping[str, Any]

INSERT_AT_MOST = 500
ROLLUP_KEY = ("runtemplate_id", "hour", "outcome", "trigger_kind")
COUNTED = ("count", "duration_sum", "wait_sum")


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    return cast("models.Field[Any, Any]", model._meta.get_field(name))


class Backend:
    """Row locks, the database clock and batched writes; every difference between databases is in a subclass."""

    clock_sql: str
    rollup_conflict: str
    same = "="
    smallest = "LEAST"
    greatest = "GREATEST"

    def now(self) -> datetime:
        """The database's clock: the reference in every comparison with a stored instant."""
        with connection.cursor() as cursor:
            cursor.execute(self.clock_sql)
            value: datetime = cursor.fetchone()[0]
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    def lock(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        """The rows locked for change until the end of the transaction; rows that others have locked are left out."""
        return rows.select_for_update(skip_locked=True)

    def lock_waiting(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        """The rows locked for change, waiting for whoever holds them."""
        return rows.select_for_update()

    def insert(self, rows: Sequence[models.Model]) -> None:
        """Insert rows of one table in as few statements as possible; each knows its id afterwards."""
        if not rows:
            return
        if connection.features.can_return_rows_from_bulk_insert:
            type(rows[0])._default_manager.bulk_create(rows, batch_size=INSERT_AT_MOST)
            return
        # MySQL, unlike MariaDB, does not tell the ids of a bulk INSERT.
        for row in rows:
            row.save(force_insert=True)

    def is_passing(self, error: DatabaseError) -> bool:
        """Whether an error is about the connection, the server or a rival; any other is about the data written."""
        return isinstance(error, OperationalError)

    def update_rows(self, model: type[models.Model], changes: Sequence[tuple[Columns, Columns]]) -> int:
        """Update one row per change in one round trip; a change is (what is written, what is compared).

        All changes name the same fields, and the key is compared first. Returns how many rows were changed: fewer than
        changes means that a comparison failed somewhere, and the caller has to give the batch up.
        """
        if not changes:
            return 0
        quote = connection.ops.quote_name
        written, compared = ([_column(model, name) for name in part] for part in changes[0])
        assignments = ", ".join(f"{quote(str(field.column))} = %s" for field in written)
        key, *further = (quote(str(field.column)) for field in compared)
        conditions = " AND ".join([f"{key} = %s", *(f"{column} {self.same} %s" for column in further)])
        sql = f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {conditions}"  # noqa: S608
        saves = [[field.get_db_prep_save for field in part] for part in (written, compared)]
        return self.execute_many(
            sql,
            [
                [
                    save(value, connection)
                    for part, columns in zip(saves, change, strict=True)
                    for save, value in zip(part, columns.values(), strict=True)
                ]
                for change in changes
            ],
        )

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run one statement for many rows; returns the number of rows changed."""
        if not rows:
            return 0
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            return int(cursor.rowcount)

    def add_outcomes(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add counts to the hourly roll-up, making rows that are not there yet; keys are columns of the table."""
        if not rows:
            return
        names = list(rows[0])
        sums = [f"{name} = outcome_rollup.{name} + {self.incoming(name)}" for name in COUNTED]
        bounds = [
            f"duration_min = {self.smallest}(outcome_rollup.duration_min, {self.incoming('duration_min')})",
            f"duration_max = {self.greatest}(outcome_rollup.duration_max, {self.incoming('duration_max')})",
        ]
        quoted = ", ".join(connection.ops.quote_name(name) for name in names)
        values = ", ".join(["%s"] * len(names))
        sql = (
            f"INSERT INTO outcome_rollup ({quoted}) VALUES ({values}) "  # noqa: S608
            f"{self.rollup_conflict} {', '.join(sums + bounds)}"
        )
        adapt = connection.ops.adapt_datetimefield_value
        self.execute_many(
            sql,
            [
                [adapt(row[name]) if isinstance(row[name], datetime) else row[name] for name in names]
                for row in sorted(rows, key=lambda row: [row[name] for name in ROLLUP_KEY])
            ],
        )

    def incoming(self, column: str) -> str:
        """The value that an insert brought, as seen by its conflict clause."""
        return f"excluded.{column}"
