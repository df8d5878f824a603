"""Whether the executors can do their work on this host; needs no database."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from multiflexi import __version__
from multiflexi.executors import registry
from multiflexi.executors.contract import Check
from multiflexi.jobs import workers
from multiflexi.models import WorkerRole
from multiflexi.record.actor import Actor
from multiflexi.services.errors import invalid_field
from multiflexi.services.lookup import not_found
from multiflexi.services.rights import need
from multiflexi.services.status import ALIVE_WITHIN


def check(names: Sequence[str], further: Sequence[Check] = ()) -> list[dict[str, Any]]:
    """Try the named executors, else those this installation serves; `further` are findings about Native.

    Raises Invalid for an unknown name.
    """
    try:
        wanted = [registry.canonical(name) for name in names or settings.MULTIFLEXI_EXECUTORS or registry.names()]
    except registry.UnknownExecutor as error:
        raise invalid_field("executor", f"{error}.") from None
    return [_report(name, further if name == "Native" else ()) for name in dict.fromkeys(wanted)]


def listed(actor: Actor) -> list[dict[str, Any]]:
    """The installed modules, and how many living executors serve each. Raises NotPermitted."""
    need(actor, "applications.read")
    alive = workers.alive([WorkerRole.EXECUTOR], within_seconds=ALIVE_WITHIN.total_seconds())
    served = settings.MULTIFLEXI_EXECUTORS or registry.names()
    return [
        {
            "name": name,
            "served": name in served,
            "workers": sum(1 for one in alive if not one.modules or name in one.modules),
        }
        for name in registry.names()
    ]


def checked(actor: Actor, name: str) -> dict[str, Any]:
    """Try one module on this host, which is told by name. Raises NotPermitted and NotFound."""
    need(actor, "system.config")
    if name.lower() not in (one.lower() for one in registry.names()):
        raise not_found("Executor", f"name {name}")
    return check([name])[0]


def _report(name: str, further: Sequence[Check]) -> dict[str, Any]:
    found = [*registry.get(name).self_check(), *further]
    return {
        "executor": name,
        "usable": all(one.level != "error" for one in found),
        "host": socket.gethostname(),
        "version": __version__,
        "checks": [
            {
                "name": one.name,
                "ok": one.level == "ok",
                "level": one.level,
                "message": one.message,
                "hint": one.hint,
            }
            for one in found
        ],
    }
