from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiflexi.environ import Setting, load_settings, store, use_file

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load settings from a file's text and a process environment; what the test run itself loaded comes back."""
    monkeypatch.setattr(store, "_state", store.Loaded())
    monkeypatch.setattr(store, "_named_file", None)
    monkeypatch.setattr(store, "SYSTEM_FILES", (tmp_path / "system.env",))
    monkeypatch.setattr(store, "SOURCE_ROOT", tmp_path / "source")
    monkeypatch.delenv("MULTIFLEXI_ENV_FILE", raising=False)

    def run(*declared: Setting, file: str | None = None, name: str = "given.env", **environment: str) -> dict[str, Any]:
        if file is not None:
            (tmp_path / name).write_text(file, encoding="utf-8")
            use_file(tmp_path / name)
        for key, text in environment.items():
            monkeypatch.setenv(key, text)
        return load_settings(declared)

    return run
