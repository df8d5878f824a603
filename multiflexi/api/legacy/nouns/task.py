"""Tasks."""

from __future__ import annotations

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import MOMENT, NUMBER, word_of
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.api.legacy.nouns.job import row as job_row
from multiflexi.models import Job, Task, TaskState
from multiflexi.services import task
from multiflexi.services.presenters import task as presenter
from multiflexi.services.scope import visible


def _detail(call: Call, found: Task) -> Row:
    jobs = visible(Job, call.actor).filter(task=found).defer("stdout", "stderr").order_by("pk")
    return presenter.row(found) | {"jobs": [job_row(one) for one in jobs]}


STATE = word_of(*TaskState.values)
NOUN = Noun(
    one="task",
    many="tasks",
    key="taskId",
    name=task.NOUN,
    schema="Task",
    item="task",
    query=task.query,
    rows=lambda call, found: [presenter.row(one) for one in found],
    sortable=presenter.SORTABLE,
    find=task.find,
    detail=_detail,
    filters={
        "state": Filter(STATE),
        "status": Filter(STATE, "state"),
        "runtemplate_id": Filter(NUMBER),
        "company_id": Filter(NUMBER, "company__exact"),
        "app_id": Filter(NUMBER, "runtemplate__app__exact"),
        "from": Filter(MOMENT, "window_start__gte"),
        "to": Filter(MOMENT, "window_end__lte"),
    },
    limit=50,
    order="-id",
    ids={"list": "listTasks", "get": "getTaskById"},
)
NOUN.declare()
