"""The database's clock, carried on for a moment by the host's."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from multiflexi.jobs.queue import backend, base

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="an embedded database has the host's clock"),
]


def test_a_reading_that_took_long_is_not_carried_on(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    ticks = iter([0.0, 1.0, 1.0, 1.0, 1.1])
    clock = SimpleNamespace(clock_gettime=lambda _: next(ticks), CLOCK_BOOTTIME=time.CLOCK_BOOTTIME)
    monkeypatch.setattr(base, "time", clock)
    ours = type(backend())()
    with django_assert_num_queries(2):
        ours.now()
        read = ours.now()
    with django_assert_num_queries(0):
        assert (ours.now() - read).total_seconds() == pytest.approx(0.1)
