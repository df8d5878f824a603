"""Log records in table ``log``, written by a thread of its own that can neither block nor break its program."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import Any

from .lines import Form, column_ids, severity_of, table_message

CAPACITY = 10_000
BATCH = 500
GATHER_SECONDS = 0.5
IDLE_SECONDS = 10.0
RETRY_SECONDS = (1.0, 30.0)
VENUE_LENGTH = 254

Row = dict[str, Any]


class TableHandler(logging.Handler):
    """Queues rows and lets a daemon thread insert them; a full queue drops rows and counts them."""

    def __init__(self, form: Form, capacity: int = CAPACITY) -> None:
        super().__init__(logging.INFO)
        self._form = form
        self._rows: queue.Queue[Row | None] = queue.Queue(capacity)
        self._stopping = threading.Event()
        self._dropped = 0
        self._count_lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="log table", daemon=True)

    @property
    def dropped(self) -> int:
        """Rows given up so far and not yet reported in the table itself."""
        return self._dropped

    def start(self) -> None:
        """Begin to write; the thread opens a database connection of its own when there is something to write."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Write what is queued, for at most ``timeout`` seconds; the rest is lost with the process."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):
            # Wakes a thread that waits for rows; where the queue is full, none waits.
            self._rows.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(timeout)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one row; never waits."""
        if record.thread == self._thread.ident:
            # What the writing itself logs would be written again, for ever.
            return
        try:
            self._rows.put_nowait(self._row(record))
        except queue.Full:
            self._count_dropped(1)

    def handleError(self, record: logging.LogRecord) -> None:
        """A record that cannot become a row counts as dropped."""
        self._count_dropped(1)

    def _count_dropped(self, number: int) -> None:
        with self._count_lock:
            self._dropped += number

    def _row(self, record: logging.LogRecord) -> Row:
        form = self._form
        who = f"{form.daemon}@{form.instance}" if form.instance else form.daemon
        return {
            "severity": severity_of(record),
            "venue": f"{who} {record.name}"[:VENUE_LENGTH],
            "message": table_message(form, record),
            "created": datetime.fromtimestamp(record.created, UTC),
            **column_ids(record),
        }

    def _work(self) -> None:
        from django.db import connection

        while rows := self._next_batch():
            self._insist(rows)
        connection.close()

    def _next_batch(self) -> list[Row]:
        """The next rows; an empty list when the handler stops and nothing is left."""
        from django.db import connection

        rows: list[Row] = []
        while not rows:
            try:
                row = self._rows.get(timeout=0 if self._stopping.is_set() else IDLE_SECONDS)
            except queue.Empty:
                if self._stopping.is_set():
                    return []
                # A quiet daemon holds no connection.
                connection.close()
            else:
                rows += [row] if row else []
        self._stopping.wait(GATHER_SECONDS)
        while len(rows) < BATCH and not self._rows.empty():
            row = self._rows.get_nowait()
            rows += [row] if row else []
        return rows

    def _insist(self, rows: list[Row]) -> None:
        """Insert a batch, however long the database is away; a batch it refuses is dropped."""
        from django.db import InterfaceError, OperationalError, connection

        pause, longest = RETRY_SECONDS
        while True:
            try:
                self._insert(rows)
                return
            except (OperationalError, InterfaceError):
                connection.close()
                if self._stopping.wait(pause):
                    break
                pause = min(longest, pause * 2)
            except Exception:
                # Anything else, a value the database refuses above all, would fail again; the thread goes on.
                connection.close()
                break
        self._count_dropped(len(rows))

    def _insert(self, rows: list[Row]) -> None:
        from multiflexi.models import LogEntry

        dropped = self._dropped
        if dropped:
            rows = [*rows, self._report_of(dropped)]
        LogEntry.objects.bulk_create(LogEntry(**row) for row in rows)
        self._count_dropped(-dropped)

    def _report_of(self, dropped: int) -> Row:
        text = f"{dropped} log rows could not be stored"
        return {
            "severity": "warning",
            "venue": f"{self._form.daemon} log table",
            "message": text,
            "created": datetime.fromtimestamp(time.time(), UTC),
        }
