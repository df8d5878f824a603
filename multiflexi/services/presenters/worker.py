"""Record type "worker"."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from multiflexi.models import Worker
from multiflexi.services.lists import same
from multiflexi.services.status import ALIVE_WITHIN, AT_WORK

SORTABLE = same(
    "id",
    "role",
    "name",
    "host",
    "version",
    "state",
    "desired_state",
    "places",
    "places_used",
    "not_claiming_reason",
    "started_at",
    "last_seen_at",
)


def row(worker: Worker, now: datetime) -> dict[str, Any]:
    """`alive` tells whether it gave a sign of life lately; `state` is the last it was heard to be in."""
    alive = worker.state in AT_WORK and now - worker.last_seen_at <= ALIVE_WITHIN
    return {
        **{name: getattr(worker, name) for name in SORTABLE},
        "alive": alive,
        "pid": worker.pid,
        "modules": worker.modules or [],
    }
