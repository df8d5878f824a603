"""How the database is emptied behind tests that commit: only the tables that hold rows, of about a hundred."""

from __future__ import annotations

from typing import Any

from django.core.management.color import no_style
from django.db import connection

# What Django writes at the end of migrations and nothing here changes.
KEPT = {"auth_permission", "django_content_type"}


def empty(_test_case: Any = None) -> None:
    """Delete all rows; stands for the flush of Django's own test cases, which writes those of KEPT anew each time."""
    tables = _filled()
    if not tables:
        return
    if connection.vendor == "postgresql":
        # A new file for each table and index takes longer than deleting some rows; foreign keys wait for the commit.
        statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
    else:
        statements = connection.ops.sql_flush(no_style(), tables)
    connection.ops.execute_sql_flush(statements)


def _filled() -> list[str]:
    tables = sorted(set(connection.introspection.django_table_names(include_views=False)) - KEPT)
    looks = [
        f"SELECT '{table}' FROM (SELECT 1 AS one FROM {connection.ops.quote_name(table)} LIMIT 1) AS found"
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [row[0] for row in cursor.fetchall()]
