"""Record type "task"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import Task
from multiflexi.services.lists import same

SORTABLE = same(
    "id",
    "runtemplate_id",
    "window_start",
    "window_end",
    "deadline",
    "state",
    "fulfilled_by_job_id",
    "fulfilled_at",
    "attempts",
    "created_at",
)


def row(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in SORTABLE}
