"""The queue of waiting jobs."""

from __future__ import annotations

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import MOMENT, NUMBER
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import QueueEntry
from multiflexi.record.actor import Actor
from multiflexi.services import job_stop, lookup, queue
from multiflexi.services.presenters.queue import SORTABLE

NAME = "Queue entry"


def _row(entry: QueueEntry) -> Row:
    template = entry.runtemplate
    return {
        "id": entry.pk,
        "after": entry.after,
        "job": entry.job_id,
        "schedule_type": entry.job.schedule_type or "",
        "runtemplate_id": entry.runtemplate_id,
        "runtemplate_name": template.name if template else "",
        "runtemplate_interv": template.interv if template else "n",
        "runtemplate_cron": template.cron if template else None,
        "app_id": entry.job.app_id,
        "app_name": entry.job.app.name,
        "company_id": entry.company_id,
        "company_name": entry.company.name,
    }


def _find(actor: Actor, number: int) -> QueueEntry:
    return lookup.by_id(queue.query(actor), NAME, number)


def _remove(call: Call, entry: QueueEntry) -> None:
    """The job is cancelled, and its row goes with that."""
    job_stop.cancel(call.actor, entry.job)


Noun(
    one="schedule",
    many="schedule",
    key="scheduleId",
    name=NAME,
    schema="ScheduleItem",
    item="item",
    query=queue.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable=SORTABLE,
    find=_find,
    detail=lambda call, found: _row(found),
    filters={
        "company_id": Filter(NUMBER, "company__exact"),
        "runtemplate_id": Filter(NUMBER, "runtemplate__exact"),
        "app_id": Filter(NUMBER, "job__app__exact"),
        "from": Filter(MOMENT, "after__gte"),
        "to": Filter(MOMENT, "after__lte"),
    },
    limit=100,
    order="after",
    remove=_remove,
    ids={"list": "listSchedule", "get": "getScheduleById", "delete": "deleteScheduleById"},
).declare()
