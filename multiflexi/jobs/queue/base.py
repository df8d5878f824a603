"""What every database's queue backend can do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar, cast

from django.db import DatabaseError, OperationalError, connection, models, transaction

from multiflexi.jobs.queue.hints import Listener, Topic

M = TypeVar("M", bound=models.Model)
Columns = Mapping[str, Any]
Fields: TypeAlias = "Sequence[models.Field[Any, Any]]"

INSERT_AT_MOST = 1000
CLOCK_SECONDS = 0.2
# SQLite takes no more than 999 parameters on some builds.
ROLLUP_AT_MOST = 80
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
    # Whether the queue can be searched company by company (lateral joins); else it is ranked as a whole.
    looks_by_company = False

    def __init__(self) -> None:
        self._read: tuple[float, datetime] | None = None
        # What the last look of this process at the queue showed; the next one is chosen by it, nothing else.
        self.queue_is_long = False

    def now(self) -> datetime:
        """The database's clock: the reference in every comparison with a stored instant.

        A reading is carried on for a moment by the clock of this host's boot, and is never ahead of the database. One
        whose answer took long, as when this process was stopped meanwhile, would stay behind and is not carried on.
        """
        # Once, because another thread may replace it.
        last, begun = self._read, time.clock_gettime(time.CLOCK_BOOTTIME)
        if last is not None and begun - last[0] < CLOCK_SECONDS:
            return last[1] + timedelta(seconds=begun - last[0])
        with connection.cursor() as cursor:
            cursor.execute(self.clock_sql)
            value: datetime = cursor.fetchone()[0]
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
        read = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._read = (read, value) if read - begun < CLOCK_SECONDS else None
        return value

    def statement_clock(self) -> tuple[str, list[Any]]:
        """The database's clock as an expression that an index may be searched with, and its parameters."""
        raise NotImplementedError

    def hint(self, topic: Topic) -> None:
        """Behind the commit of the present transaction, tell whoever listens to look now; nothing may depend on it."""

    def listen(self, *topics: Topic) -> Listener | None:
        """Hear the hints of some topics; None where the database carries none. Raises DatabaseError."""
        return None

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
        # MySQL, unlike MariaDB, does not tell the ids of a bulk INSERT.
        if not connection.features.can_return_rows_from_bulk_insert:
            for row in rows:
                row.save(force_insert=True)
            return
        # bulk_create() prepares every value of every row, and most columns of a new job are null.
        model = type(rows[0])
        fields = [
            field
            for field in model._meta.concrete_fields
            if not field.primary_key and any(getattr(row, str(field.attname)) is not None for row in rows)
        ]
        with transaction.atomic(savepoint=False):
            ids = cast("Any", model._default_manager.get_queryset())._batched_insert(rows, fields, INSERT_AT_MOST)
        for row, (row.pk,) in zip(rows, ids, strict=True):
            row._state.adding, row._state.db = False, connection.alias

    def append(self, rows: Sequence[models.Model]) -> None:
        """Insert rows of one table whose ids nobody asks for; its columns are numbers, texts, truths and instants."""
        if rows:
            type(rows[0])._default_manager.bulk_create(rows, batch_size=INSERT_AT_MOST)

    def is_passing(self, error: DatabaseError) -> bool:
        """Whether an error is about the connection, the server or a rival; any other is about the data written."""
        return isinstance(error, OperationalError)

    def update_rows(self, model: type[models.Model], changes: Sequence[tuple[Columns, Columns]]) -> int:
        """Update one row per change, in one statement where the database can; a change is (written, compared).

        All changes name the same fields, the key is compared first, and no key occurs twice. Returns how many rows were
        changed: fewer than changes means that a comparison failed somewhere, and the caller has to give the batch up.
        """
        if not changes:
            return 0
        written, compared = ([_column(model, name) for name in part] for part in changes[0])
        saves = [field.get_db_prep_save for field in (*written, *compared)]
        rows = [
            [save(value, connection) for save, value in zip(saves, (*new.values(), *old.values()), strict=True)]
            for new, old in changes
        ]
        return self.update_stored(model._meta.db_table, written, compared, rows)

    def update_stored(self, table: str, written: Fields, compared: Fields, rows: Sequence[Sequence[Any]]) -> int:
        """The statement behind `update_rows`; each row has the new values, then the compared ones, as the driver takes
        them."""
        raise NotImplementedError

    def equal(self, field: models.Field[Any, Any], value: str, *, of: str = "") -> str:
        """The comparison of a column with a value; the key is found through its index."""
        column = of + connection.ops.quote_name(str(field.column))
        return f"{column} {'=' if field.primary_key else self.same} {value}"

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
        adapt = connection.ops.adapt_datetimefield_value
        ordered = sorted(rows, key=lambda row: [row[name] for name in ROLLUP_KEY])
        for start in range(0, len(ordered), ROLLUP_AT_MOST):
            part = ordered[start : start + ROLLUP_AT_MOST]
            values = [
                adapt(row[name]) if isinstance(row[name], datetime) else row[name] for row in part for name in names
            ]
            places = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(part))
            sql = (
                f"INSERT INTO outcome_rollup ({quoted}) VALUES {places} "  # noqa: S608
                f"{self.rollup_conflict} {', '.join(sums + bounds)}"
            )
            with connection.cursor() as cursor:
                cursor.execute(sql, values)

    def incoming(self, column: str) -> str:
        """The value that an insert brought, as seen by its conflict clause."""
        return f"excluded.{column}"
