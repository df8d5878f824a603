"""The queue backend of MariaDB and MySQL."""

from __future__ import annotations

from multiflexi.jobs.queue.base import Backend


class MariaDB(Backend):
    clock_sql = "SELECT UTC_TIMESTAMP(6)"
    rollup_conflict = "ON DUPLICATE KEY UPDATE"

    def incoming(self, column: str) -> str:
        return f"VALUES({column})"
