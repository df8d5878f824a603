"""Recompute when run templates are due, after a change of something they depend on."""

from __future__ import annotations

from django.db.models import QuerySet

from multiflexi.jobs import schedulable
from multiflexi.models import RunTemplate


def refresh(templates: QuerySet[RunTemplate], *, cadence_changed: bool = False) -> None:
    """Call it in the transaction of the change."""
    ids = templates.filter(archived_at=None).order_by("pk").values_list("pk", flat=True)
    schedulable.refresh(ids, cadence_changed=cadence_changed)
