"""Probes of service managers and load balancers; nothing about the inside is told."""

from __future__ import annotations

import threading
import time
from functools import cache

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

APP = "multiflexi"
LONGEST_SECONDS = 0.9

# Set when this process was asked to stop.
stopping = threading.Event()
_one_at_a_time = threading.Lock()


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; the database is not asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and its tables are those of this version, else 503 with the reason in a word."""
    reason = unready()
    response = HttpResponse(f"{reason or 'ok'}\n", content_type="text/plain", status=503 if reason else 200)
    # Probes come every few seconds; Django would log each of them as an error of ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def unready() -> str | None:
    """Why no requests should come here: `stopping`, `database` or `migrations`; None when they should.

    Answers within a second also where the database does not: it is then asked in a thread that nobody waits for.
    """
    if stopping.is_set():
        return "stopping"
    until = time.monotonic() + LONGEST_SECONDS
    # Where the database hangs, one thread hangs with it and not one more for every look.
    if not _one_at_a_time.acquire(timeout=LONGEST_SECONDS):
        return "database"
    answer: list[str | None] = []
    asking = threading.Thread(target=_ask, args=(answer,), name="readiness", daemon=True)
    asking.start()
    asking.join(max(0.0, until - time.monotonic()))
    return answer[0] if answer else "database"


def _ask(answer: list[str | None]) -> None:
    try:
        answer.append(None if _up_to_date() else "migrations")
    except Error:
        answer.append("database")
    finally:
        # The connection belongs to this thread; the next look makes its own.
        connection.close()
        _one_at_a_time.release()


def _up_to_date() -> bool:
    from django.db.migrations.recorder import MigrationRecorder

    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return False
    applied = set(recorder.migration_qs.filter(app=APP).values_list("name", flat=True))
    return _ours() <= applied


@cache
def _ours() -> frozenset[str]:
    from importlib.resources import files

    names = (one.name for one in files("multiflexi.migrations").iterdir())
    return frozenset(name.removesuffix(".py") for name in names if name[:1].isdigit())


urlpatterns = [
    path("healthz/", alive),
    path("healthz", alive),
    path("readyz/", ready),
    path("readyz", ready),
]
