"""Tasks: was the obligation of a window met?"""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

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
