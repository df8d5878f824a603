"""Which run templates the scheduler may look at, and when next.

`next_schedule` is set exactly while a run template is schedulable, so that the due query needs one index and no join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from multiflexi.jobs.completeness import missing_by_template
from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.jobs.rows import Assigned
from multiflexi.models import Company, Interval, RunTemplate
from multiflexi.scheduling import zones
from multiflexi.scheduling.cadence import Cadence
from multiflexi.scheduling.skipdays import SkipDaysError


def zone_of(runtemplate: RunTemplate) -> ZoneInfo:
    """The zone whose wall clock counts for a run template whose company is loaded. Raises ZoneError."""
    return zones.zone(zone_name(runtemplate, runtemplate.company))


def zone_name(runtemplate: RunTemplate | None, company: Company) -> str:
    """The name of the zone that counts: the run template's, else the company's, else the installation's."""
    own = runtemplate.timezone if runtemplate else None
    return own or company.timezone or installation_zone().key


@lru_cache(maxsize=1)
def installation_zone() -> ZoneInfo:
    """The zone of the installation; it does not change while a process runs."""
    return zones.installation_zone(settings.MULTIFLEXI_TIMEZONE)


def cadence_of(runtemplate: RunTemplate) -> Cadence:
    """The cadence of a run template whose company is loaded. Raises ValueError: CronError, ZoneError ..."""
    if not isinstance(runtemplate.skip_days, list | None):
        raise SkipDaysError(runtemplate.skip_days)
    return Cadence(
        interval=runtemplate.interv,
        cron=runtemplate.cron,
        zone=zone_of(runtemplate),
        valid_from=runtemplate.valid_from,
        valid_to=runtemplate.valid_to,
        skip_days=runtemplate.skip_days,
    )


def obstacles(runtemplate: RunTemplate, missing: Sequence[str]) -> list[str]:
    """Why a run template with company and application loaded is not scheduled, in words; empty when it is."""
    app, company = runtemplate.app, runtemplate.company
    checks: list[tuple[bool, Callable[[], str]]] = [
        (runtemplate.archived_at is not None, lambda: _("The run template is archived.")),
        (not runtemplate.active, lambda: _("The run template is switched off.")),
        (runtemplate.interv == Interval.MANUAL, lambda: _("The run template runs by hand only.")),
        (not company.enabled, lambda: _("Company %(name)s is disabled.") % {"name": company.name}),
        (company.archived_at is not None, lambda: _("Company %(name)s is archived.") % {"name": company.name}),
        (not app.enabled, lambda: _("Application %(name)s is disabled.") % {"name": app.name}),
        (app.retired_at is not None, lambda: _("Application %(name)s is retired.") % {"name": app.name}),
        (bool(missing), lambda: _("Not set yet: %(names)s.") % {"names": ", ".join(missing)}),
    ]
    found = [text() for failed, text in checks if failed]
    try:
        cadence_of(runtemplate)
    except ValueError as error:
        found.append(str(error))
    return found


def reasons(runtemplate: RunTemplate, assigned: Assigned | None = None) -> list[str]:
    """Why a run template is not scheduled, in words; empty when it is. `assigned` as in `missing_by_template`."""
    return obstacles(runtemplate, missing_by_template([runtemplate], assigned)[runtemplate.pk])


def refresh(runtemplate_ids: Iterable[int], *, now: datetime | None = None, cadence_changed: bool = False) -> int:
    """Recompute `complete` and `next_schedule`; call it in the transaction of whatever may have changed them.

    A run template that becomes schedulable, or whose cadence or zone changed, gets its first slot strictly after now:
    nothing fires for a past boundary. One that stays schedulable keeps its next slot, due or not. Returns how many are
    different now.
    """
    ids = list(runtemplate_ids)
    if not ids:
        return 0
    now = now or backend().now()
    with transaction.atomic():
        # Locked before it is read: what is computed from an older look could switch a run template on again.
        list(backend().lock_waiting(RunTemplate.objects.filter(pk__in=ids).order_by("pk")).values_list("pk", flat=True))
        rows = RunTemplate.objects.select_related("company", "app").filter(pk__in=ids)
        changed = _recomputed(list(rows.order_by("pk")), now, cadence_changed)
        RunTemplate.objects.bulk_update(
            changed,
            ["complete", "next_schedule", "schedule_error", "schedule_failures", "schedule_retry_at"],
            batch_size=500,
        )
        if changed:
            backend().hint(Topic.SCHEDULES)
    return len(changed)


def _recomputed(templates: Sequence[RunTemplate], now: datetime, cadence_changed: bool) -> list[RunTemplate]:
    """Those of the run templates that are different now."""
    missing = missing_by_template(templates)
    changed = []
    for template in templates:
        before = (template.complete, template.next_schedule)
        template.complete = not missing[template.pk]
        if obstacles(template, missing[template.pk]):
            template.next_schedule = None
        elif cadence_changed or template.next_schedule is None:
            template.next_schedule = first_slot(template, now)
        if cadence_changed and template.schedule_failures:
            template.schedule_error, template.schedule_failures, template.schedule_retry_at = None, 0, None
            changed.append(template)
        elif before != (template.complete, template.next_schedule):
            changed.append(template)
    return changed


def first_slot(runtemplate: RunTemplate, now: datetime) -> datetime | None:
    """The first slot strictly after now; None when the cadence has none or cannot be read."""
    try:
        return cadence_of(runtemplate).next_slot(now)
    except ValueError:
        return None
