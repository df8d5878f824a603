"""Settings under which checks may reach the servers of the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiflexi.credentials import registry
from multiflexi.credentials.base import ShippedProvider
from tests.unit.credentials.samples import SAMPLES
from tests.unit.credentials.standin import HOST


@pytest.fixture
def loopback(settings: Any) -> None:
    """Checks may connect to this host."""
    settings.MULTIFLEXI_CHECK_ALLOW = [HOST]


@pytest.fixture
def files_root(settings: Any, tmp_path: Path) -> Path:
    """The root of the files that credentials may name, with its shared folder."""
    settings.MULTIFLEXI_CREDENTIAL_FILES = tmp_path
    (tmp_path / "shared").mkdir()
    return tmp_path


@pytest.fixture
def aimed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, float], ShippedProvider]:
    """A provider whose own servers are replaced by one at a port, and its time limit."""

    def aim(code: str, port: int, seconds: float = 5.0) -> ShippedProvider:
        provider = registry.get(code)
        assert isinstance(provider, ShippedProvider)
        monkeypatch.setattr(provider, "seconds", seconds)
        for attribute in SAMPLES[code].servers:
            monkeypatch.setattr(provider, attribute, f"https://{HOST}:{port}")
        return provider

    return aim
