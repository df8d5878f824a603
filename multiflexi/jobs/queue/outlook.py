"""What a poll asks: is anything due, and when is the next row; two looks at one index in one statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from multiflexi.jobs.queue import backend

# ORDER BY instead of MIN: only so all databases stop at the first entry of the index that fits. And instead of EXISTS:
# with statistics from a time when much was due PostgreSQL would read the whole table to find nothing.
SQL = """
SELECT {clock},
  (
    SELECT 1 FROM schedule WHERE worker_id IS NULL AND {after} <= {clock} AND executor IN ({modules}) {only}
    ORDER BY {after} LIMIT 1
  ),
  (
    SELECT {after} FROM schedule WHERE worker_id IS NULL AND {after} > {clock} AND executor IN ({modules}) {only}
    ORDER BY {after} LIMIT 1
  )
"""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether unclaimed rows are due, and seconds until the next comes due by the database's clock, None = never."""

    is_due: bool
    seconds: float | None


def outlook(modules: Collection[str], *, only: int | None = None) -> Outlook:
    """The outlook of an executor that serves these modules; `only` is the id of the one job wanted."""
    clock, given = backend().statement_clock()
    asked = [*given, *modules, *([] if only is None else [only])]
    sql = SQL.format(
        clock=clock,
        after=connection.ops.quote_name("after"),
        modules=", ".join(["%s"] * len(modules)),
        only="" if only is None else "AND job_id = %s",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given, *asked, *asked])
        now, is_due, upcoming = cursor.fetchone()
    return Outlook(bool(is_due), (_instant(upcoming) - _instant(now)).total_seconds() if upcoming else None)


def _instant(value: Any) -> datetime:
    """An instant as the drivers give it: SQLite as text, and MariaDB, too, without its zone."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
