"""Record type "queue entry"."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from multiflexi.models import QueueEntry
from multiflexi.scheduling.intervals import INTERVALS
from multiflexi.services.lists import same

SORTABLE = same(
    "id",
    "after",
    "runtemplate_id",
    "company_id",
    job="job_id",
    schedule_type="runtemplate__interv",
    runtemplate_name="runtemplate__name",
    app_id="job__app_id",
    app_name="job__app__name",
    company_name="company__name",
    after_at="after",
    job_schedule_type="job__schedule_type",
)
MINUTE, HOUR, DAY = 60, 3600, 86400


def row(entry: QueueEntry, *, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """Reads `job.app`, `runtemplate` and `company`; join them for lists. `after` is text in `zone`."""
    template = entry.runtemplate
    return {
        "id": entry.pk,
        "job": entry.job_id,
        "schedule_type": INTERVALS[template.interv].word if template else "n/a",
        "runtemplate_id": entry.runtemplate_id,
        "runtemplate_name": template.name if template else "",
        "app_id": entry.job.app_id,
        "app_name": entry.job.app.name,
        "company_id": entry.company_id,
        "company_name": entry.company.name,
        "after": f"{entry.after.astimezone(zone):%Y-%m-%d %H:%M:%S} ({waiting(entry.after, now)})",
        "after_at": entry.after,
        "job_schedule_type": entry.job.schedule_type or "",
    }


def waiting(after: datetime, now: datetime) -> str:
    """`now`, `2h 45m` or `overdue 3h`; parts that are zero are left out, seconds count only below a minute."""
    seconds = round((after - now).total_seconds())
    if seconds == 0:
        return "now"
    left = abs(seconds)
    parts = [(left // DAY, "d"), (left % DAY // HOUR, "h"), (left % HOUR // MINUTE, "m")]
    text = " ".join(f"{amount}{unit}" for amount, unit in parts if amount) or f"{left}s"
    return text if seconds > 0 else f"overdue {text}"
