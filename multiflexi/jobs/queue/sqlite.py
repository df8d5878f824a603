"""SQLite's queue backend: one writer at a time, so an immediate transaction is the lock."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models

from multiflexi.jobs.queue.base import Backend, M


class SQLite(Backend):
    rollup_conflict = "ON CONFLICT (runtemplate_id, hour, outcome, trigger_kind) DO UPDATE SET"
    smallest = "MIN"
    greatest = "MAX"

    def now(self) -> datetime:
        """The host's clock: an embedded database has no other."""
        return datetime.now(UTC)

    def lock(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows

    def lock_waiting(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        return rows
