"""Which named limits waiting jobs need a place in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import connection

SQL = """
SELECT s.job_id, l.id
FROM schedule s
JOIN named_limit_user u ON u.app_id = s.app_id
JOIN named_limit l ON l.id = u.limit_id AND (l.company_id IS NULL OR l.company_id = s.company_id)
WHERE s.id IN ({rows})
UNION
SELECT s.job_id, l.id
FROM schedule s
JOIN runtplcreds a ON a.runtemplate_id = s.runtemplate_id
JOIN credentials k ON k.id = a.credentials_id
JOIN named_limit_user u ON u.credential_type_id = k.credential_type_id
JOIN named_limit l ON l.id = u.limit_id AND (l.company_id IS NULL OR l.company_id = s.company_id)
WHERE s.id IN ({rows})
"""


def needed_limits(row_ids: Sequence[int]) -> dict[int, list[int]]:
    """Ids of the limits of a job's application and of the types of its run template's credentials, by job.

    The jobs are given by their queue rows. A limit of a company is needed by that company's jobs only. Jobs that need
    none are left out.
    """
    found: defaultdict[int, list[int]] = defaultdict(list)
    if row_ids:
        with connection.cursor() as cursor:
            cursor.execute(SQL.format(rows=", ".join(["%s"] * len(row_ids))), [*row_ids, *row_ids])
            for job_id, limit_id in cursor.fetchall():
                found[job_id].append(limit_id)
    return found
