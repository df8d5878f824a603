"""Which waiting jobs come next: the one query that every claim begins with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from multiflexi.jobs.queue import backend

# What has no room now. Jobs claimed or running are few, and so are named limits, so that all of these tables are
# small; correlated counts in their place would cost the square of the queue's length, and so does MariaDB when it
# takes a grouped table for one to be split by the row outside: the sums of 0 keep it from that.
WITHOUT_ROOM = """
used AS (
    SELECT company_id + 0 AS company_id, COUNT(*) AS places
    FROM schedule WHERE worker_id IS NOT NULL GROUP BY company_id + 0
),
full_limit AS (
    SELECT l.company_id, u.app_id, u.credential_type_id
    FROM named_limit l JOIN named_limit_user u ON u.limit_id = l.id
    WHERE l.maximum <= (SELECT COUNT(*) FROM job_limit h WHERE h.limit_id = l.id)
),
busy AS (
    SELECT r.id + 0 AS id
    FROM schedule h JOIN runtemplate r ON r.id = h.runtemplate_id
    WHERE h.worker_id IS NOT NULL
    GROUP BY r.id + 0, r.overlap, r.max_parallel
    HAVING r.overlap <> 'allow' OR COUNT(*) >= NULLIF(r.max_parallel, 0)
    UNION
    SELECT r.id
    FROM full_limit f
    JOIN credentials k ON k.credential_type_id = f.credential_type_id
    JOIN runtplcreds a ON a.credentials_id = k.id
    JOIN runtemplate r ON r.id = a.runtemplate_id AND (f.company_id IS NULL OR f.company_id = r.company_id)
)
"""

# Rows without room are taken out here, so that any number of them, however old, leaves the rows behind them visible.
FREE = """
s.worker_id IS NULL AND s.executor IN ({modules}) {only} {without}
  AND (s.runtemplate_id IS NULL OR s.runtemplate_id NOT IN (SELECT id FROM busy))
  AND NOT EXISTS (
    SELECT 1 FROM full_limit f
    WHERE f.app_id = s.app_id AND (f.company_id IS NULL OR f.company_id = s.company_id)
  )
"""

# Every due row gets its rank: the cost grows with the number of rows that are due.
RANKED = """
WITH {without_room}
SELECT s.id
FROM schedule s
JOIN company c ON c.id = s.company_id
LEFT JOIN used ON used.company_id = s.company_id
WHERE s.{after} <= %(now)s AND {free}
  AND (c.max_running IS NULL OR COALESCE(used.places, 0) < c.max_running)
ORDER BY
  COALESCE(used.places, 0)
    + ROW_NUMBER() OVER (PARTITION BY s.company_id ORDER BY s.priority, s.{after}, s.id),
  s.priority, s.{after}, s.id
LIMIT %(at_most)s
"""

# The same without looking at more than a few rows of each company: the first rows of all companies tell which
# companies can be among the first so many at all and, when there are as many companies, which of their rows. Rows that
# are not due, or have no room, are passed over one by one, so this is for queues in which much can be taken. The sum
# makes the instant useless for an index, on purpose: with statistics from a time when nothing was due the planner would
# read everything that is due once for each company.
BY_COMPANY = """
WITH {without_room},
head AS MATERIALIZED (
    SELECT c.id AS company_id, COALESCE(used.places, 0) AS places
    FROM company c
    LEFT JOIN used ON used.company_id = c.id
    CROSS JOIN LATERAL (
        SELECT s.priority, s.after, s.id FROM schedule s
        WHERE s.company_id = c.id AND s.after + INTERVAL '0' <= %(now)s AND {free}
        ORDER BY s.priority, s.after, s.id LIMIT 1
    ) first
    WHERE c.max_running IS NULL OR COALESCE(used.places, 0) < c.max_running
    ORDER BY COALESCE(used.places, 0), first.priority, first.after, first.id LIMIT %(at_most)s
),
last AS (SELECT MAX(places) + 1 AS level FROM head HAVING COUNT(*) = %(at_most)s)
SELECT id FROM (
    SELECT
      n.*, head.places + ROW_NUMBER() OVER (PARTITION BY head.company_id ORDER BY n.priority, n.after, n.id) AS level
    FROM head CROSS JOIN LATERAL (
        SELECT s.priority, s.after, s.id FROM schedule s
        WHERE s.company_id = head.company_id AND s.after + INTERVAL '0' <= %(now)s AND {free}
        ORDER BY s.priority, s.after, s.id LIMIT LEAST(%(at_most)s, (SELECT level FROM last) - head.places)
    ) n
) ranked
ORDER BY level, priority, after, id LIMIT %(at_most)s
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
    Rows whose run template, company or named limit is full are left out. `only` is the id of the one job wanted,
    `without` are rows that were looked at already.
    """
    if not modules:
        return []
    given: dict[str, Any] = {
        "now": connection.ops.adapt_datetimefield_value(now),
        "at_most": at_most,
        "only": only,
        **{f"module{index}": module for index, module in enumerate(modules)},
        **{f"without{index}": row_id for index, row_id in enumerate(without)},
    }
    free = FREE.format(
        modules=_listed("module", modules),
        only="" if only is None else "AND s.job_id = %(only)s",
        without=f"AND s.id NOT IN ({_listed('without', without)})" if without else "",
    )
    by_company = backend().looks_by_company and backend().queue_is_long and only is None
    shape = BY_COMPANY if by_company else RANKED
    sql = shape.format(without_room=WITHOUT_ROOM, free=free, after=connection.ops.quote_name("after"))
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        found = [row[0] for row in cursor.fetchall()]
    if only is None:
        backend().queue_is_long = len(found) == at_most
    return found


def _listed(name: str, values: Collection[object]) -> str:
    return ", ".join(f"%({name}{index})s" for index in range(len(values)))
