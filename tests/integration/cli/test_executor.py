"""executor:check: what this host can do, and who is not walled off from whom."""

from __future__ import annotations

from typing import Any

import pytest

from multiflexi.executors import registry
from multiflexi.executors.native import tools
from multiflexi.models import Company, RunTemplate, Sandbox
from tests.crash.live import application


@pytest.fixture(autouse=True)
def fresh_executors() -> Any:
    """Executors are made once per process and keep the settings they were made with."""
    registry.get.cache_clear()
    yield
    registry.get.cache_clear()


def checks(cli: Any, *words: str) -> dict[str, dict[str, Any]]:
    outcome = cli("executor:check", "--executor", "native", "-f", "json", *words)
    assert outcome.code == 0
    (report,) = outcome.json
    assert (report["executor"], report["usable"]) == ("Native", True)
    return {one["name"]: one for one in report["checks"]}


def test_it_tries_a_start_and_tells_what_limits_are_worth(cli: Any, settings: Any) -> None:
    settings.NATIVE_CONTROL_GROUP = "none"
    found = checks(cli)
    assert found["start"]["ok"]
    assert found["control groups"]["level"] == "warning"
    assert "DelegateSubgroup=" in found["control groups"]["hint"]
    assert cli("executor:check").out.startswith("Native on ")


def test_missing_walls_are_a_warning_with_the_way_out(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_SYSTEM_PATH", "/nowhere")
    isolated = checks(cli)["sandbox isolated"]
    assert (isolated["ok"], isolated["level"]) == (False, "warning")
    assert "bwrap" in isolated["message"]
    assert isolated["hint"].startswith("Install it")


def test_an_unusable_account_makes_native_unusable(cli: Any, settings: Any) -> None:
    settings.NATIVE_RUN_AS = "no-such-account"
    outcome = cli("executor:check", "-f", "json")
    assert outcome.code == 1
    (account,) = [one for one in outcome.json[0]["checks"] if one["name"] == "account"]
    assert "no-such-account" in account["message"]


def test_an_unknown_executor_is_named(cli: Any) -> None:
    outcome = cli("executor:check", "--executor", "Nativ", "-f", "json")
    assert outcome.code == 1
    assert "Nativ" in outcome.json["message"]


def test_companies_that_share_native_without_walls_are_told(
    cli: Any, acme: Company, globex: Company, tmp_path: Any, settings: Any
) -> None:
    app = application(tmp_path, "exit 0")
    RunTemplate.objects.create(name="one", app=app, company=acme, active=True)
    assert "companies" not in checks(cli)
    RunTemplate.objects.create(name="two", app=app, company=globex, active=True)
    shared = checks(cli)["companies"]
    assert shared["message"].startswith("2 companies share")
    assert app.name in shared["message"]
    settings.NATIVE_RUN_AS = "company"
    assert "companies" not in {one["name"] for one in cli("executor:check", "-f", "json").json[0]["checks"]}
    settings.NATIVE_RUN_AS = None
    app.sandbox = Sandbox.ISOLATED
    app.save()
    assert "companies" not in checks(cli)
