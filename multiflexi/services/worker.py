"""The running instances of the daemons: look at them, and let an executor take no more jobs."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.jobs.queue import backend
from multiflexi.jobs.queue.hints import Topic
from multiflexi.models import QueueEntry, Worker, WorkerRole, WorkerState
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import lookup
from multiflexi.services.errors import Refused
from multiflexi.services.rights import grants_of, need

NOUN = "Worker"


def query(actor: Actor, *, role: str | None = None) -> QuerySet[Worker]:
    """Instances belong to no company: only administrators of the installation know of them."""
    rows = Worker.objects.all() if grants_of(actor).permits("system.config") else Worker.objects.none()
    return rows.filter(role=role) if role else rows


def find(actor: Actor, reference: Any, *, role: str | None = None) -> Worker:
    """An instance by id, or by its name, for which the role must tell. Raises NotFound and Refused."""
    rows = query(actor, role=role)
    if lookup.is_id(reference) and rows.filter(pk=int(reference)).exists():
        return lookup.by_id(rows, NOUN, reference)
    return lookup.by_key(rows, NOUN, name=str(reference))


def drain(actor: Actor, worker: Worker) -> bool:
    """Let an executor take no more jobs until it is resumed, over restarts, too; False when that is so already.

    What runs goes on, what was claimed and not started goes back. Raises Refused for another kind of worker.
    """
    return _desire(actor, worker, WorkerState.DRAINING, "drain")


def resume(actor: Actor, worker: Worker) -> bool:
    """Let an executor take jobs again; False when it may already. Raises Refused for another kind of worker."""
    return _desire(actor, worker, WorkerState.RUNNING, "resume")


def is_drained(worker: Worker) -> bool:
    """Whether an executor that is to drain has noticed it, and owns no job any more."""
    taken = Worker.objects.filter(pk=worker.pk).exclude(state=WorkerState.RUNNING).exists()
    return taken and not QueueEntry.objects.filter(worker=worker).exists()


def _desire(actor: Actor, worker: Worker, state: WorkerState, action: str) -> bool:
    need(actor, "system.config")
    if worker.role != WorkerRole.EXECUTOR:
        raise Refused(f"Worker {worker.name} is no executor but of role {worker.role}.", "not_an_executor")
    with transaction.atomic():
        changed = Worker.objects.filter(pk=worker.pk).exclude(desired_state=state).update(desired_state=state)
        if changed:
            audit.write(
                actor, action, worker, severity="medium", changes={"desired_state": [worker.desired_state, state]}
            )
            backend().hint(Topic.WORKERS)
    worker.desired_state = state
    return bool(changed)
