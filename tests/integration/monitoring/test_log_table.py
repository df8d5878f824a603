from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator

import pytest
from django.db import DataError, OperationalError

from multiflexi.models import LogEntry
from multiflexi.monitoring import logs
from multiflexi.monitoring.logs import table
from multiflexi.monitoring.logs.lines import Form
from multiflexi.monitoring.logs.table import TableHandler
from multiflexi.vault.masker import Masker

log = logging.getLogger("multiflexi.test")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(table, "RETRY_SECONDS", (0.01, 0.02))


@pytest.fixture
def configured() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    logs.configure("executor", "h1", stream=io.StringIO(), secrets=["hunter22"])
    yield
    logs.stop_table(10)
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.captureWarnings(False)


@pytest.fixture
def handler() -> TableHandler:
    return TableHandler(Form("executor", "h1", Masker([])), capacity=3)


def record(text: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "x", "levelno": logging.INFO, "levelname": "INFO", "msg": text, **extra})


@pytest.mark.django_db(transaction=True)
def test_lines_become_rows_with_their_ids(configured: None) -> None:
    logs.start_table()
    logs.start_table()
    with logs.bound(company=3, app=4):
        log.info("job\n%s hunter22", "ended", extra={"job": 12, "user": 1, "request": "r1", "outcome": "success"})
    log.debug("not this")
    try:
        raise ValueError("hunter22")
    except ValueError:
        log.exception("bad")
    logs.stop_table(10)
    entry, failure = LogEntry.objects.order_by("id")
    assert (entry.company_id, entry.apps_id, entry.job_id, entry.user_id, entry.request_id) == (3, 4, 12, 1, "r1")
    assert (entry.severity, entry.venue) == ("success", "executor@h1 multiflexi.test")
    assert entry.message == "job\\nended " + "•" * 8
    assert (failure.severity, failure.message) == ("error", "bad: ValueError: " + "•" * 8)


def test_a_full_queue_drops_and_counts_instead_of_waiting(handler: TableHandler) -> None:
    for number in range(10):
        handler.handle(record(str(number)))
    assert handler.dropped == 7


@pytest.mark.django_db(transaction=True)
def test_dropped_rows_are_reported_in_the_table(handler: TableHandler) -> None:
    for number in range(5):
        handler.handle(record(str(number)))
    handler.start()
    handler.stop(10)
    assert [entry.message for entry in LogEntry.objects.order_by("id")] == [
        "0",
        "1",
        "2",
        "2 log rows could not be stored",
    ]
    assert handler.dropped == 0


@pytest.mark.django_db(transaction=True)
def test_rows_wait_for_a_database_that_is_away(handler: TableHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    insert, tries, stored = handler._insert, [], threading.Event()

    def sometimes(rows: list[table.Row]) -> None:
        tries.append(rows)
        if len(tries) < 4:
            raise OperationalError("gone")
        insert(rows)
        stored.set()

    monkeypatch.setattr(handler, "_insert", sometimes)
    handler.start()
    handler.handle(record("patience"))
    assert stored.wait(30)
    handler.stop(10)
    assert [entry.message for entry in LogEntry.objects.all()] == ["patience"]
    assert len(tries) == 4


def test_a_database_that_stays_away_does_not_hold_the_end_up(
    handler: TableHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def never(rows: list[table.Row]) -> None:
        tried.set()
        raise OperationalError("gone")

    monkeypatch.setattr(handler, "_insert", never)
    handler.start()
    handler.handle(record("lost"))
    assert tried.wait(30)
    handler.stop(10)
    assert not handler._thread.is_alive()
    assert handler.dropped == 1


def test_a_batch_the_database_refuses_is_dropped_and_the_next_one_tried(
    handler: TableHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, accepted = threading.Event(), threading.Event()

    def insert(rows: list[table.Row]) -> None:
        if not refused.is_set():
            refused.set()
            raise DataError("too long")
        accepted.set()

    monkeypatch.setattr(handler, "_insert", insert)
    handler.start()
    handler.handle(record("bad"))
    assert refused.wait(30)
    handler.handle(record("good"))
    assert accepted.wait(30)
    handler.stop(10)
    assert handler.dropped == 1


def test_what_the_writing_thread_itself_logs_is_not_written_again(
    handler: TableHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[table.Row] = []
    monkeypatch.setattr(handler, "_insert", written.extend)
    handler.start()
    handler.handle(record("own", thread=handler._thread.ident))
    handler.handle(record("another's"))
    handler.stop(10)
    assert [row["message"] for row in written] == ["another's"]
