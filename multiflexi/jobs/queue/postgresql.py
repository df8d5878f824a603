"""PostgreSQL's queue backend."""

from __future__ import annotations

from django.db import models

from multiflexi.jobs.queue.base import Backend, M


class PostgreSQL(Backend):
    clock_sql = "SELECT clock_timestamp()"
    rollup_conflict = "ON CONFLICT (runtemplate_id, hour, outcome, trigger_kind) DO UPDATE SET"

    # NO KEY: a full row lock would wait for every transaction that merely inserts a row referring to this one.
    def lock(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows.select_for_update(skip_locked=True, no_key=True)

    def lock_waiting(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows.select_for_update(no_key=True)
