"""Tables are brought up to date by one process at a time, and never in a database of somebody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from multiflexi.services import tables
from multiflexi.services.tables import AlreadyRunning, ForeignDatabase


@contextmanager
def held() -> Iterator[None]:
    """Another process, played by a thread with a connection of its own, holds the lock."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tables.alone(lambda _: None, 0):
            taken.set()
            done.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert taken.wait(30)
        yield
    finally:
        done.set()
        thread.join(30)


@pytest.mark.django_db(transaction=True)
def test_tables_that_are_up_to_date_need_nothing() -> None:
    assert tables.pending() == []
    assert list(tables.statements()) == []
    assert tables.bring_up_to_date(pytest.fail) == []


@pytest.mark.django_db(transaction=True)
def test_another_process_is_waited_for_and_said_so() -> None:
    told: list[str] = []
    with held(), pytest.raises(AlreadyRunning, match="try again"):
        tables.bring_up_to_date(told.append, wait=0)
    assert told == ["Another process is changing the tables; waiting for it."]
    assert tables.bring_up_to_date(pytest.fail, wait=0) == []


@pytest.mark.django_db
@pytest.mark.parametrize("former", [True, False])
def test_a_database_of_something_else_is_not_touched(former: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["phinxlog", "job"] if former else ["invoices"]
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_: names)
    for call in (tables.pending, lambda: list(tables.statements()), lambda: tables.bring_up_to_date(pytest.fail)):
        with pytest.raises(ForeignDatabase, match="former program" if former else "tables such as invoices"):
            call()


@pytest.mark.django_db
def test_the_history_of_another_project_is_recognised() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'shop'")
    with pytest.raises(ForeignDatabase):
        tables.pending()
