"""History rows and deliveries."""

from datetime import UTC, datetime

import pytest

from multiflexi.models import Outbox
from multiflexi.record import history, outbox
from multiflexi.record.actor import SYSTEM, Actor

MOMENT = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)


def test_a_history_row_says_who_and_when():
    row = history.row(5, "queued", "running", actor=Actor(None, "daemon", worker_id=2), detail="nul\0", claim=3)
    assert row.pk is None
    assert (row.job_id, row.claim, row.actor, row.from_status, row.to_status) == (5, 3, "worker:2", "queued", "running")
    assert row.reason is None
    assert row.detail == "nul�"
    assert row.at.tzinfo is not None


def test_a_history_row_of_an_import_has_its_own_time():
    row = history.row(5, None, "pending", actor=SYSTEM, reason="import", at=MOMENT)
    assert (row.claim, row.at, row.reason, row.actor, row.detail) == (0, MOMENT, "import", "system", None)


def test_a_delivery_is_added_once(db):
    first = outbox.row("webhook", "main:1:Web:0", {"n": 1})
    again = outbox.row("webhook", "main:1:Web:0", {"n": 2})
    other = outbox.row("mail", "main:1:Mail:1", {"when": MOMENT}, available_at=MOMENT)
    outbox.add([first])
    outbox.add([again, other])
    kept = {row.idempotency_key: row for row in Outbox.objects.all()}
    assert set(kept) == {"main:1:Web:0", "main:1:Mail:1"}
    assert kept["main:1:Web:0"].payload == {"n": 1}
    assert kept["main:1:Mail:1"].payload == {"when": "2025-05-01T12:00:00.000000+00:00"}
    assert kept["main:1:Mail:1"].available_at == MOMENT


def test_deliveries_take_one_statement(db, django_assert_num_queries):
    rows = [outbox.row("otel", outbox.key("main", number), {}) for number in range(50)]
    with django_assert_num_queries(1):
        outbox.add(rows)
    assert Outbox.objects.count() == 50


def test_an_unknown_kind_or_an_over_long_key_is_refused():
    with pytest.raises(ValueError, match="telegram"):
        outbox.row("telegram", "k", {})
    with pytest.raises(ValueError, match=r"outbox\.key"):
        outbox.row("mail", "k" * 191, {})
