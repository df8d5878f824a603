"""A bank whose provider is the test's own, and servers of this host that checks may talk to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from multiflexi.credentials import registry
from multiflexi.jobs import uses
from tests.integration.credentials import fake


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = ["127.0.0.1"]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[fake.FakeBank]:
    """The provider of the prototype `Bank`; all others are the installed ones."""
    bank, installed = fake.FakeBank(), registry.get
    monkeypatch.setattr(registry, "get", lambda code: bank if code == fake.CODE else installed(code))
    monkeypatch.setattr(uses, "_noted", {})
    yield bank
    # Threads that still wait end with the test.
    bank.open.set()
