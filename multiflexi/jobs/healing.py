"""Repair of the cadence columns: set-based, and nothing is ever deleted.

A `next_schedule` in the past is not touched: it is due, and the missed-run policy decides about it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from multiflexi.jobs import schedulable
from multiflexi.models import Interval, RunTemplate
from multiflexi.scheduling.intervals import INTERVALS

HEAL_AT_MOST = 1000
# A custom cadence has no period of its own; beyond this a stored slot is taken for the work of a wrong clock.
LONGEST_CUSTOM = timedelta(days=9 * 366)

SCHEDULABLE = Q(
    active=True,
    complete=True,
    archived_at__isnull=True,
    company__enabled=True,
    company__archived_at__isnull=True,
    app__enabled=True,
    app__retired_at__isnull=True,
) & ~Q(interv=Interval.MANUAL)


def heal(now: datetime) -> int:
    """Put right what an interrupted change or a wrong clock left behind; returns the number of rows changed."""
    stopped = list(_ids(RunTemplate.objects.filter(next_schedule__isnull=False).exclude(SCHEDULABLE)))
    if stopped:
        RunTemplate.objects.filter(pk__in=stopped).update(next_schedule=None)
    forgotten = RunTemplate.objects.filter(SCHEDULABLE, next_schedule__isnull=True).exclude(valid_to__lt=now)
    implausible = RunTemplate.objects.filter(_too_far(now)).exclude(valid_from__gt=now)
    return len(stopped) + _recompute(forgotten, now) + _recompute(implausible, now, cadence_changed=True)


def _recompute(rows: QuerySet[RunTemplate], now: datetime, *, cadence_changed: bool = False) -> int:
    """Go on to the first part in which something changes: rows that cannot be healed never hide those behind them."""
    last = 0
    while ids := list(_ids(rows.filter(pk__gt=last))):
        changed = schedulable.refresh(ids, now=now, cadence_changed=cadence_changed)
        if changed or len(ids) < HEAL_AT_MOST:
            return changed
        last = ids[-1]
    return 0


def _too_far(now: datetime) -> Q:
    found = Q(pk__isnull=True)
    for code, interval in INTERVALS.items():
        if code != Interval.MANUAL:
            longest = timedelta(seconds=2 * interval.seconds) if interval.seconds else LONGEST_CUSTOM
            found |= Q(interv=code, next_schedule__gt=now + longest)
    return found


def _ids(rows: QuerySet[RunTemplate]) -> QuerySet[RunTemplate, int]:
    return rows.order_by("pk").values_list("pk", flat=True)[:HEAL_AT_MOST]
