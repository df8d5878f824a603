"""Fixtures of tests that use real daemons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from multiflexi.models import Company, User
from tests.crash.live import Live


@pytest.fixture
def live(process_environment: dict[str, str], tmp_path: Path, acme: Company, alice: User) -> Iterator[Live]:
    installation = Live(tmp_path, process_environment, alice)
    yield installation
    installation.close()
