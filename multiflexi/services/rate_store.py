"""The counters of rate limits: one row per client and scope, counted up by one statement on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F

from multiflexi.jobs.queue import backend
from multiflexi.models import ApiRateLimit

# MariaDB assigns from left to right: what reads the old start of the window comes before the new one.
_COUNT = """
    INSERT INTO api_rate_limits (identifier, endpoint, requests, previous, window_start, window_end)
    VALUES (%s, %s, %s, 0, %s, %s) {on_conflict}
        previous = CASE WHEN {old}window_start >= %s THEN {old}previous
                        WHEN {old}window_start = %s THEN {smallest}({old}requests, %s) ELSE 0 END,
        requests = CASE WHEN {old}window_start >= %s THEN {old}requests ELSE 0 END + %s,
        window_end = {greatest}({old}window_end, %s),
        window_start = {greatest}({old}window_start, %s)
"""
_ON_CONFLICT = "ON CONFLICT (identifier, endpoint) DO UPDATE SET"
_ON_DUPLICATE = "ON DUPLICATE KEY UPDATE"
_READ = "SELECT requests, previous FROM api_rate_limits WHERE identifier = %s AND endpoint = %s"


class Counted(NamedTuple):
    """What stands after a count: in this window, and in the one before."""

    requests: int
    previous: int


def count(identifier: str, scope: str, number: int, *, window: int, start: float, limit: int) -> Counted:
    """Add requests to the window that began at `start` (Unix time), and read the sum; see `give_back`.

    One statement; atomic among all processes and hosts. Raises DatabaseError.
    """
    begun, ended, before = (_moment(start + step * window) for step in (0, 1, -1))
    values: list[Any] = [identifier, scope, number, begun, ended, begun, before, limit, begun, number, ended, begun]
    with connection.cursor() as cursor:
        if not _tells_at_once():
            with transaction.atomic():
                cursor.execute(_statement(), values)
                cursor.execute(_READ, [identifier, scope])
                return Counted(*cursor.fetchone())
        cursor.execute(f"{_statement()} RETURNING requests, previous", values)
        return Counted(*cursor.fetchone())


def give_back(identifier: str, scope: str, number: int, *, start: float) -> None:
    """Take back what was counted but not granted: refused requests keep nobody out. Raises DatabaseError."""
    rows = ApiRateLimit.objects.filter(identifier=identifier, endpoint=scope, requests__gte=number)
    rows.filter(window_start=datetime.fromtimestamp(start, UTC)).update(requests=F("requests") - number)


def forget(before: datetime) -> int:
    """Delete counters whose windows had ended before this time; returns how many."""
    return ApiRateLimit.objects.filter(window_end__lt=before).delete()[0]


def is_over(window: int) -> datetime:
    """Windows of this length that ended before the returned time count no more."""
    return datetime.now(UTC) - timedelta(seconds=window)


def _statement() -> str:
    mysql = connection.vendor == "mysql"
    return _COUNT.format(
        smallest=backend().smallest,
        greatest=backend().greatest,
        on_conflict=_ON_DUPLICATE if mysql else _ON_CONFLICT,
        old="" if mysql else "api_rate_limits.",
    )


def _tells_at_once() -> bool:
    return connection.vendor != "mysql" or bool(getattr(connection, "mysql_is_mariadb", False))


def _moment(seconds: float) -> Any:
    return connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(seconds, UTC))
