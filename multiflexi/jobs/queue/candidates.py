"""Which waiting jobs come next: the one query that every claim begins with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection

# Run templates and companies without room are taken out here, so that any number of their rows, however old, leaves
# the rows behind them visible. Jobs claimed or running are few, so both inner tables are small; correlated counts
# in their place would cost the square of the queue's length, and so does MariaDB when it takes a grouped table for one
# to be split by the row outside: the sums of 0 keep it from that.
SQL = """
SELECT s.id
FROM schedule s
JOIN company c ON c.id = s.company_id
LEFT JOIN (
    SELECT company_id + 0 AS company_id, COUNT(*) AS places
    FROM schedule WHERE worker_id IS NOT NULL GROUP BY company_id + 0
) used ON used.company_id = s.company_id
LEFT JOIN (
    SELECT r.id + 0 AS id
    FROM schedule h JOIN runtemplate r ON r.id = h.runtemplate_id
    WHERE h.worker_id IS NOT NULL
    GROUP BY r.id + 0, r.overlap, r.max_parallel
    HAVING r.overlap <> 'allow' OR COUNT(*) >= NULLIF(r.max_parallel, 0)
) busy ON busy.id = s.runtemplate_id
WHERE s.worker_id IS NULL AND s.{after} <= %s AND s.executor IN ({modules}) {only} {without}
  AND busy.id IS NULL
  AND (c.max_running IS NULL OR COALESCE(used.places, 0) < c.max_running)
ORDER BY
  COALESCE(used.places, 0)
    + ROW_NUMBER() OVER (PARTITION BY s.company_id ORDER BY s.priority, s.{after}, s.id),
  s.priority, s.{after}, s.id
LIMIT %s
"""


def candidates(
    now: datetime,
    modules: Collection[str],
    at_most: int,
    *,
    only: int | None = None,
    without: Sequence[int] = (),
) -> list[int]:
    """Ids of queue rows that are due and may be taken, in the order of the fair share.

    Each further row of a company counts as much as a job it has claimed or running; then priority and age decide.
    `only` is the id of the one job wanted, `without` are rows that were looked at already.
    """
    if not modules:
        return []
    sql = SQL.format(
        after=connection.ops.quote_name("after"),
        modules=_places(modules),
        only="" if only is None else "AND s.job_id = %s",
        without=f"AND s.id NOT IN ({_places(without)})" if without else "",
    )
    asked = [] if only is None else [only]
    due = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(sql, [due, *modules, *asked, *without, at_most])
        return [row[0] for row in cursor.fetchall()]


def _places(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
