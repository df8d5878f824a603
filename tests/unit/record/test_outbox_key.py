"""Idempotency keys."""

from multiflexi.record import outbox


def test_short_parts_are_joined():
    assert outbox.key("main", 7, "Github", 0) == "main:7:Github:0"


def test_long_keys_fit_the_column_and_stay_different():
    first, second = outbox.key("x" * 300, 1), outbox.key("x" * 300, 2)
    assert len(first) == len(second) == 190
    assert first != second
    assert first == outbox.key("x" * 300, 1)
