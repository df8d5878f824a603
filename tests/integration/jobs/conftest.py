"""The core of jobs: a clock the test sets, one company, one application and one executor."""

from __future__ import annotations

import pytest

from multiflexi.jobs import schedulable
from multiflexi.jobs.queue import backend
from multiflexi.models import Application, Company, Worker
from multiflexi.record.actor import Actor
from tests.integration.jobs import builders
from tests.integration.jobs.builders import Clock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands in for the database's clock."""
    clock = Clock()
    monkeypatch.setattr(backend(), "now", clock)
    schedulable.installation_zone.cache_clear()
    return clock


@pytest.fixture
def app(db: None) -> Application:
    return builders.make_app(code="probe")


@pytest.fixture
def robot(db: None) -> Actor:
    return builders.robot()


@pytest.fixture
def worker(db: None) -> Worker:
    return builders.worker()


@pytest.fixture
def company(acme: Company) -> Company:
    return acme
