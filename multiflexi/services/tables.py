"""Bringing the tables up to date: by one process at a time, and never in a database that belongs to something else."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from multiflexi.services.errors import Refused

WAIT_SECONDS = 600.0
_PAUSE_SECONDS = 0.5
_FORMER = "phinxlog"
_HISTORY = "django_migrations"
_OURS = "multiflexi"
_POSTGRESQL_LOCK = 0x6D662D7461626C  # "mf-tabl"; advisory locks are numbers and belong to one database


class ForeignDatabase(Refused):
    """The database holds the tables of something else."""


class AlreadyRunning(Refused):
    """Another process has been changing the tables for longer than this one waited."""


def pending() -> list[str]:
    """Names of the steps that the tables lack, in their order; changes nothing. Raises ForeignDatabase."""
    return [f"{one.app_label}.{one.name}" for one in _plan()]


def statements() -> Iterator[tuple[str, list[str]]]:
    """The pending steps, each with its SQL; steps that are no SQL are comments. Raises ForeignDatabase."""
    steps = _plan()
    loader = MigrationExecutor(connection).loader
    state = loader.project_state([key for key in loader.applied_migrations if key in loader.graph.nodes])
    for one in steps:
        after = one.mutate_state(state)
        editor = connection.schema_editor(collect_sql=True, atomic=one.atomic)
        rest = []
        try:
            with editor:
                one.apply(state, editor, collect_sql=True)
        except (ValueError, DatabaseError):
            # It looks for the names of constraints in tables that are not there yet.
            rest = ["-- more, which depends on the steps before and cannot be shown until they are done"]
        state = after
        yield f"{one.app_label}.{one.name}", [*editor.collected_sql, *rest]


def bring_up_to_date(told: Callable[[str], None], *, wait: float = WAIT_SECONDS) -> list[str]:
    """Do all pending steps and name them; `told` hears that another process must be waited for.

    Raises ForeignDatabase, and AlreadyRunning after `wait` seconds.
    """
    # Before the first connection: two that make an embedded database at once lock each other out.
    with alone(told, wait):
        _refuse_foreign()
        steps = pending()
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    return steps


def _plan() -> list[Migration]:
    _refuse_foreign()
    executor = MigrationExecutor(connection)
    return [one for one, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def _refuse_foreign() -> None:
    tables = set(connection.introspection.table_names())
    if not tables or (_HISTORY in tables and _is_ours()):
        return
    whose = "the tables of the former program" if _FORMER in tables else f"tables such as {min(tables - {_HISTORY})}"
    message = f"The database holds {whose} and none of this program; make an empty database and name it in DB_DATABASE."
    raise ForeignDatabase(message, "foreign_database")


def _is_ours() -> bool:
    """A first run that was broken off may have left other steps than our own."""
    loader = MigrationExecutor(connection).loader
    apps = {app for app, _ in loader.applied_migrations}
    return _OURS in apps or apps <= loader.migrated_apps


@contextmanager
def alone(told: Callable[[str], None], wait: float) -> Iterator[None]:
    """Run the block while no other process changes tables; as `bring_up_to_date` for `told` and `wait`."""
    take, release = _locks()
    deadline = time.monotonic() + wait
    waited = False
    # Asked again and again: a statement that waits for the lock would hold a snapshot, for which CREATE INDEX
    # CONCURRENTLY of the other process would wait in turn.
    while not take():
        if not waited:
            told("Another process is changing the tables; waiting for it.")
        waited = True
        if time.monotonic() >= deadline:
            raise AlreadyRunning(f"Another process still changes the tables after {wait:g} s; try again.", "busy")
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        release()


def _locks() -> tuple[Callable[[], bool], Callable[[], None]]:
    """What takes the lock, if nobody has it, and what gives it back."""
    database = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        return lambda: _ask(f"SELECT pg_try_advisory_lock({_POSTGRESQL_LOCK})"), lambda: _release(
            f"SELECT pg_advisory_unlock({_POSTGRESQL_LOCK})"
        )
    if connection.vendor == "mysql":
        # Named locks belong to the server, not to the database.
        name = "mf-tables-" + hashlib.sha256(database.encode()).hexdigest()[:32]
        return lambda: _ask(f"SELECT GET_LOCK('{name}', 0)"), lambda: _release(f"SELECT RELEASE_LOCK('{name}')")
    path = Path(database)
    if cast(Any, connection).is_in_memory_db() or not path.parent.is_dir():
        return lambda: True, lambda: None
    # Not the file itself: SQLite forgets its own locks when any descriptor of it is closed.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return lambda: _take_file(directory), lambda: os.close(directory)


def _ask(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return bool(cursor.fetchone()[0])


def _release(statement: str) -> None:
    # A connection that broke has given the lock back by itself.
    if connection.is_usable():
        _ask(statement)


def _take_file(directory: int) -> bool:
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
