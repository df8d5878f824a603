"""Who asks the legacy surface, of what installation."""

from __future__ import annotations

from typing import Any

import pytest

from multiflexi.models import Company, User
from multiflexi.services import rate_limit
from tests.contract.legacy.world import Asker, World, build
from tests.http import basic


@pytest.fixture(autouse=True)
def uncounted(settings: Any) -> None:
    """Whoever does not test the limits is not counted, which would take a query now and then."""
    settings.API_RATE_LIMITING_ENABLED = False
    rate_limit.forget()


@pytest.fixture
def world(ring: None, acme: Company, globex: Company) -> World:
    return build(acme, globex)


@pytest.fixture
def as_root(root: User) -> Asker:
    return Asker(basic(root))


@pytest.fixture
def as_alice(alice: User) -> Asker:
    return Asker(basic(alice))


@pytest.fixture
def as_bob(bob: User) -> Asker:
    return Asker(basic(bob))


@pytest.fixture
def as_carol(carol: User) -> Asker:
    return Asker(basic(carol))


@pytest.fixture
def nobody(db: None) -> Asker:
    return Asker({})
