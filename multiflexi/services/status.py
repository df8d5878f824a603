"""The installation at a glance."""

from __future__ import annotations

import platform
import resource
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import QuerySet

from multiflexi import __version__
from multiflexi.models import (
    Application,
    Company,
    Credential,
    CredentialType,
    EncryptionKey,
    EventRule,
    EventSource,
    Job,
    QueueEntry,
    RunTemplate,
    Topic,
    Worker,
    WorkerRole,
    WorkerState,
)
from multiflexi.record.actor import Actor
from multiflexi.services.counting import counted
from multiflexi.services.rights import grants_of
from multiflexi.vault import status as key_ring

AT_WORK = (WorkerState.RUNNING, WorkerState.DRAINING)
ALIVE_WITHIN = timedelta(seconds=60)
PERIODS = {
    "monthly": timedelta(days=30),
    "weekly": timedelta(days=7),
    "daily": timedelta(days=1),
    "hourly": timedelta(hours=1),
}


def overview(login: str, now: datetime | None = None, *, jobs: bool = True) -> dict[str, Any]:
    """The members of `status` in their order; `php` is kept empty for clients that expect the text.

    Counting `jobs` takes as long as there are many; without it, what tells their numbers is missing.
    """
    now = now or datetime.now(UTC)
    ended = {name: Job.objects.filter(end__gte=now - period) for name, period in PERIODS.items()}
    numbers = counted(
        **_kinds(),
        queue_length=QueueEntry.objects.all(),
        **({"jobs_total": Job.objects.all(), **ended} if jobs else {}),
    )
    applications = numbers["apps"]
    living = _daemons(now)
    return {
        "version-cli": __version__,
        "version-core": __version__,
        "db-migration": _migration(),
        "user": login,
        "php": "",
        "os": f"{platform.system()} {platform.release()}",
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "companies": numbers["companies"],
        "apps": applications,
        "runtemplates": numbers["runtemplates"],
        "topics": numbers["topics"],
        "credentials": numbers["credentials"],
        "credential_types": numbers["credential_types"],
        **({"jobs": _jobs(numbers)} if jobs else {}),
        "database": _database(),
        "encryption": _encryption(),
        "zabbix": _zabbix(),
        "telemetry": _telemetry(),
        "executor": living.get(WorkerRole.EXECUTOR, ""),
        "scheduler": living.get(WorkerRole.SCHEDULER, ""),
        "timestamp": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "eventor": living.get(WorkerRole.EVENTOR, ""),
        "housekeeper": living.get(WorkerRole.HOUSEKEEPER, ""),
        "db_host": str(connection.settings_dict.get("HOST") or ""),
        "applications": applications,
        **({"jobs_total": numbers["jobs_total"]} if jobs else {}),
        "queue_length": numbers["queue_length"],
        "workers": _workers(now),
    }


def for_caller(actor: Actor) -> dict[str, Any]:
    """Version, counters and daemons for everybody; with `details` for those who configure."""
    now = datetime.now(UTC)
    told: dict[str, Any] = {
        "version": __version__,
        **counters(),
        "database": product(),
        "daemons": daemons(),
        "timestamp": now.isoformat(timespec="seconds"),
    }
    if grants_of(actor).allows("system.config", None):
        told["details"] = overview(actor.label, now, jobs=False)
    return told


def counters() -> dict[str, int]:
    """How much of each kind there is in the installation; one query."""
    return counted(**_kinds(), eventsources=EventSource.objects.all(), eventrules=EventRule.objects.all())


def daemons() -> dict[str, str]:
    """Whether an instance of each daemon shows signs of life: `running` or `stopped`."""
    found = _daemons(datetime.now(UTC))
    return {
        role.value: "running" if found.get(role) == "active" else "stopped"
        for role in (WorkerRole.SCHEDULER, WorkerRole.EXECUTOR, WorkerRole.EVENTOR, WorkerRole.HOUSEKEEPER)
    }


def details(actor: Actor) -> dict[str, Any]:
    """What describes the host and the database server; empty for those who may not know."""
    if not grants_of(actor).allows("system.config", None):
        return {}
    with connection.cursor():
        version = ".".join(map(str, connection.get_database_version()))
    return {
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "database": f"{connection.display_name} {version}",
    }


def product() -> str:
    """Name of the database's product."""
    return str(connection.display_name)


def _kinds() -> dict[str, QuerySet[Any]]:
    return {
        "companies": Company.objects.all(),
        "apps": Application.objects.filter(retired_at=None),
        "runtemplates": RunTemplate.objects.filter(archived_at=None),
        "topics": Topic.objects.all(),
        "credentials": Credential.objects.all(),
        "credential_types": CredentialType.objects.all(),
    }


def _jobs(numbers: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name}: {numbers[name]}" for name in PERIODS)
    return f"total: {numbers['jobs_total']}, {listed}, minute avg: {round(numbers['hourly'] / 60)}"


def _migration() -> str:
    newest = MigrationRecorder.Migration.objects.filter(app="multiflexi").order_by("-name").first()
    if newest is None:
        return ""
    number, _, name = newest.name.partition("_")
    return f"{name} ({number})"


def _database() -> str:
    """Driver and place; for SQLite the file with owner, group and mode."""
    if connection.vendor != "sqlite":
        told = connection.settings_dict
        return f"{connection.vendor} {told['HOST']}:{told['PORT']}/{told['NAME']}"
    from pathlib import Path

    path = Path(str(connection.settings_dict["NAME"]))
    try:
        return f"sqlite {path} {path.owner()}:{path.group()} {path.stat().st_mode & 0o777:o}"
    except (OSError, KeyError):
        return f"sqlite {path}"


def _encryption() -> str:
    found = key_ring.status()
    if found.master_key == "missing":
        return "broken (no master key)" if EncryptionKey.objects.exists() else "disabled"
    if not found.active_keys:
        return "broken (no active keys)"
    return f"unknown (error: {found.problem})" if found.problem else f"active ({found.active_keys} keys)"


def _zabbix() -> str:
    if not settings.ZABBIX_SERVER:
        return "disabled"
    servers = ", ".join(settings.ZABBIX_SERVER)
    return f"{settings.ZABBIX_HOST or platform.node()} => {servers}"


def _telemetry() -> str:
    if not settings.OTEL_ENABLED or settings.OTEL_SDK_DISABLED:
        return "disabled"
    if "opentelemetry" not in sys.modules and not _installed("opentelemetry.sdk"):
        return "enabled (SDK not installed)"
    told = (settings.OTEL_SERVICE_NAME, settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_EXPORTER_OTLP_PROTOCOL)
    return f"enabled ({', '.join(told)})"


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _daemons(now: datetime) -> dict[str, str]:
    """By role: active when an instance that did not take its leave showed signs of life lately."""
    states: dict[str, str] = {}
    for role, seen, state in Worker.objects.values_list("role", "last_seen_at", "state"):
        if state in AT_WORK and now - seen <= ALIVE_WITHIN:
            states[role] = "active"
        else:
            states.setdefault(role, "inactive")
    return states


def _workers(now: datetime) -> str:
    """The instances that live, each with its state and an executor with its places."""
    rows = Worker.objects.filter(state__in=AT_WORK, last_seen_at__gte=now - ALIVE_WITHIN).order_by("role", "name")
    return "; ".join(
        f"{one.role} {one.name}: {one.state}{f' {one.places_used}/{one.places}' if one.places else ''}"
        f"{f' ({one.not_claiming_reason})' if one.not_claiming_reason not in (None, one.state) else ''}"
        for one in rows
    )
