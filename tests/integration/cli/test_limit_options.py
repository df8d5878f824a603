"""Limits and walls are set on applications and run templates by the same options."""

from __future__ import annotations

import pytest

from multiflexi.models import Application, AuditEntry, RunTemplate

from .conftest import Cli

LIMITS = {
    "time_limit": 60,
    "memory_limit_mb": 512,
    "pids_limit": 20,
    "cpu_limit": 0.5,
    "file_limit_mb": 10,
    "output_limit_mb": 0,
}
WORDS = [word for name, number in LIMITS.items() for word in (f"--{name}", str(number))]


@pytest.mark.parametrize("noun", ["application", "run-template"])
def test_limits_are_set_shown_and_taken_back(cli: Cli, echo: Application, template: RunTemplate, noun: str) -> None:
    record = echo if noun == "application" else template
    assert cli(f"{noun}:update", "--id", record.pk, *WORDS).code == 0
    shown = cli(f"{noun}:get", "--id", record.pk, "-f", "json").json
    assert {name: shown[name] for name in LIMITS} == LIMITS
    assert cli(f"{noun}:update", "--id", record.pk, "--cpu_limit", "", "--memory_limit_mb", "").code == 0
    record.refresh_from_db()
    assert (record.cpu_limit, record.memory_limit_mb, record.pids_limit) == (None, None, 20)
    assert "cpu_limit" in AuditEntry.objects.order_by("pk").last().changes


@pytest.mark.parametrize(("cpus", "rule"), [("many", "no number of processors"), ("-1", "from 0"), ("5000", "from 0")])
def test_a_wrong_number_of_processors_is_refused(cli: Cli, echo: Application, cpus: str, rule: str) -> None:
    outcome = cli("application:update", "--id", echo.pk, f"--cpu_limit={cpus}", "-f", "json")
    assert outcome.code == 1
    assert rule in outcome.json["message"]


def test_an_unknown_profile_is_refused_and_a_known_one_is_kept(cli: Cli, echo: Application) -> None:
    outcome = cli("application:update", "--id", echo.pk, "--sandbox", "jail", "-f", "json")
    assert (outcome.code, "none, restricted, isolated" in outcome.json["message"]) == (1, True)
    assert cli("application:update", "--id", echo.pk, "--sandbox", "isolated").code == 0
    assert cli("application:get", "--id", echo.pk, "-f", "json").json["sandbox"] == "isolated"
