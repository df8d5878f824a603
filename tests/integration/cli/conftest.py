"""Calls of the command line inside the test process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from multiflexi.cli.main import main
from multiflexi.models import Application, Company, ConfField, RunTemplate
from multiflexi.record.actor import Actor
from multiflexi.services import run_template

from .plot import Plot, fill


@dataclass(frozen=True)
class Outcome:
    """What one call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture
def echo(db: None) -> Application:
    """An application with a plain, a required and a secret variable."""
    app = Application.objects.create(
        uuid="11111111-1111-4111-8111-111111111111", code="echo", name="Echo", executable="/bin/echo", version="1.2"
    )
    ConfField.objects.create(app=app, keyname="COUNT", type="integer", defval="1", position=0)
    ConfField.objects.create(app=app, keyname="GREETING", type="string", required=True, position=1)
    ConfField.objects.create(app=app, keyname="API_KEY", type="password", secret=True, position=2)
    return app


@pytest.fixture
def template(ring: None, acme: Company, echo: Application) -> RunTemplate:
    """A complete, active run template of ACME that runs by hand."""
    actor = Actor(user_id=None, origin="cli")
    return run_template.create(actor, name="Morning echo", app=echo, company=acme, config={"GREETING": "hello"})


@pytest.fixture
def cli(ring: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run words; `stdin` is the text piped in."""

    def run(*words: object, stdin: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capfd.readouterr()
        code = main([str(word) for word in words])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def plot(template: RunTemplate, acme: Company, root: Any, tmp_path: Path) -> Plot:
    return fill(template, acme, tmp_path)
