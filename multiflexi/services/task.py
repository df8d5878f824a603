"""Tasks: was the obligation of a window met?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from multiflexi.models import Task, TaskState
from multiflexi.record.actor import Actor
from multiflexi.services import lookup
from multiflexi.services.scope import visible

NOUN = "Task"


def query(actor: Actor, *, runtemplate_id: int | None = None, state: str | None = None) -> QuerySet[Task]:
    rows = visible(Task, actor)
    if runtemplate_id is not None:
        rows = rows.filter(runtemplate_id=runtemplate_id)
    return rows.filter(state=state) if state else rows


def find(actor: Actor, reference: Any) -> Task:
    return lookup.by_id(visible(Task, actor), NOUN, reference)


def totals(actor: Actor) -> dict[str, int]:
    """Number of tasks by state, and of all."""
    found = dict(visible(Task, actor).values_list("state").annotate(number=Count("pk")).order_by())
    by_state = {state.value: found.get(state.value, 0) for state in TaskState}
    return {"total": sum(by_state.values()), **by_state}


def summary(
    actor: Actor, *, start: datetime, end: datetime, company_id: int | None = None, runtemplate_id: int | None = None
) -> list[dict[str, Any]]:
    """How the obligations of the windows that begin in [start, end) were met, one record per run template.

    One query; `text` says it in a sentence.
    """
    rows = visible(Task, actor).filter(window_start__gte=start, window_start__lt=end)
    if company_id is not None:
        rows = rows.filter(company_id=company_id)
    if runtemplate_id is not None:
        rows = rows.filter(runtemplate_id=runtemplate_id)
    found = rows.order_by("company__name", "runtemplate__name", "runtemplate_id").values(
        "company_id", "company__name", "runtemplate_id", "runtemplate__name"
    )
    counted = found.annotate(total=Count("pk"), **{state.value: Count("pk", Q(state=state)) for state in TaskState})
    return [_told({name.replace("__", "_"): value for name, value in row.items()}) for row in counted]


def total_of(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The sum of records of `summary`, in the same words."""
    return _told({name: sum(one[name] for one in records) for name in ("total", *TaskState.values)})


def _told(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its sentence: 23/24 fulfilled, 1 late."""
    told = [_("%(done)d/%(total)d fulfilled") % {"done": record[TaskState.FULFILLED], "total": record["total"]}]
    for state, text in (
        (TaskState.FULFILLED_LATE, lambda n: ngettext("%d late", "%d late", n)),
        (TaskState.FAILED, lambda n: ngettext("%d failed", "%d failed", n)),
        (TaskState.MISSED, lambda n: ngettext("%d missed", "%d missed", n)),
        (TaskState.OPEN, lambda n: ngettext("%d open", "%d open", n)),
        (TaskState.RUNNING, lambda n: ngettext("%d running", "%d running", n)),
    ):
        if number := record[state]:
            told.append(text(number) % number)
    return {**record, "text": ", ".join(told)}
