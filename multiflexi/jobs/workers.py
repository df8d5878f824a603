"""Heartbeat rows of the running instances."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from multiflexi import __version__
from multiflexi.jobs.queue import backend
from multiflexi.models import User, Worker, WorkerState
from multiflexi.record.actor import Actor, Origin


class NameInUse(Exception):
    """Another host has a living instance of this role and name."""


@transaction.atomic
def register(role: str, name: str, *, boot_id: str, pid_started: int, **values: Any) -> Worker:
    """Announce an instance; the row of an earlier process of the same name is taken over, and what is desired of it.

    Raises NameInUse when a process on another host has the name and was seen within a lease: two instances of one name
    would take each other's jobs away. On one host a lock keeps them apart.
    """
    now = backend().now()
    _refuse_a_living_namesake(role, name, now)
    worker, _created = Worker.objects.update_or_create(
        role=role,
        name=name,
        defaults={
            "host": socket.gethostname(),
            "boot_id": boot_id,
            "pid": os.getpid(),
            "pid_started": pid_started,
            "version": __version__,
            "state": WorkerState.RUNNING,
            "started_at": now,
            "last_seen_at": now,
            "not_claiming_reason": None,
            **values,
        },
    )
    return worker


def _refuse_a_living_namesake(role: str, name: str, now: datetime) -> None:
    here, lease = socket.gethostname(), timedelta(seconds=settings.MULTIFLEXI_LEASE_SECONDS)
    others = Worker.objects.filter(role=role, name=name, last_seen_at__gt=now - lease).exclude(host=here)
    living = others.filter(state__in=(WorkerState.RUNNING, WorkerState.DRAINING))
    host = backend().lock_waiting(living).values_list("host", flat=True).first()
    if host is not None:
        raise NameInUse(
            f"The {role} name {name} is in use on host {host}: stop that process, or give this one another name with "
            f"MULTIFLEXI_{role.upper()}_NAME."
        )


def heartbeat(worker: Worker, **values: Any) -> datetime:
    """Tell that the instance lives; returns the database's time of it."""
    now = backend().now()
    Worker.objects.filter(pk=worker.pk).update(last_seen_at=now, **values)
    return now


def is_to_drain(worker: Worker) -> bool:
    """Whether an administrator wants the instance to take no more jobs."""
    return Worker.objects.filter(pk=worker.pk, desired_state=WorkerState.DRAINING).exists()


def farewell(worker: Worker, state: WorkerState = WorkerState.STOPPED) -> None:
    """Tell that the instance ends in order."""
    Worker.objects.filter(pk=worker.pk).update(last_seen_at=backend().now(), state=state, places_used=0)


def actor_of(worker: Worker) -> Actor:
    """The worker as author of what it does, in the name of the technical account."""
    return Actor(user_id=User.objects.technical().pk, origin=Origin.DAEMON, worker_id=worker.pk)


def alive(roles: Sequence[str], *, within_seconds: float) -> list[Worker]:
    """Instances of these roles whose heartbeat is recent, newest first."""
    now = backend().now()
    found = Worker.objects.filter(role__in=roles, state__in=(WorkerState.RUNNING, WorkerState.DRAINING))
    return [
        worker
        for worker in found.order_by("-last_seen_at")
        if (now - worker.last_seen_at).total_seconds() <= within_seconds
    ]
