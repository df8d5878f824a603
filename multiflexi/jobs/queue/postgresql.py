"""PostgreSQL's queue backend."""

from __future__ import annotations

from django.db import DatabaseError, models

from multiflexi.jobs.queue.base import Backend, M


class PostgreSQL(Backend):
    clock_sql = "SELECT clock_timestamp()"
    # A comparison that no index serves: with "=" the planner, whose statistics are always older than the last tick,
    # may look rows up by a next_schedule that all of them share instead of by their key.
    same = "IS NOT DISTINCT FROM"
    rollup_conflict = "ON CONFLICT (runtemplate_id, hour, outcome, trigger_kind) DO UPDATE SET"

    # NO KEY: a full row lock would wait for every transaction that merely inserts a row referring to this one.
    def lock(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows.select_for_update(skip_locked=True, no_key=True)

    def lock_waiting(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows.select_for_update(no_key=True)

    # Class 54 is about a value or statement that is too big.
    def is_passing(self, error: DatabaseError) -> bool:
        state = getattr(error.__cause__, "sqlstate", None) or ""
        return super().is_passing(error) and not state.startswith("54")
