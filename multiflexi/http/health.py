"""Probes of service managers and load balancers; nothing about the inside is told."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; the database is not asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and its tables are those of this version, else 503 with the reason in a word."""
    reason = unready()
    return HttpResponse(f"{reason or 'ok'}\n", content_type="text/plain", status=503 if reason else 200)


def unready() -> str | None:
    """Why this process cannot serve: `database`, `migrations`, or None when it can."""
    from django.db.migrations.recorder import MigrationRecorder

    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError:
        return "database"
    return None if _newest() in applied else "migrations"


def _newest() -> tuple[str, str]:
    from importlib.resources import files

    names = sorted(one.name.removesuffix(".py") for one in files("multiflexi.migrations").iterdir())
    return "multiflexi", [name for name in names if name[:1].isdigit()][-1]


urlpatterns = [
    path("healthz/", alive),
    path("healthz", alive),
    path("readyz/", ready),
    path("readyz", ready),
]
