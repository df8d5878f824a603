"""Run templates: values, schedule, environment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from multiflexi.models import Application, AuditEntry, Company, ConfField, Configuration, Job, QueueEntry, RunTemplate
from multiflexi.vault import envelope

from .conftest import Cli


def create(cli: Cli, *words: object) -> Any:
    base = ["--name", "T", "--app", "echo", "--company", "acme", "--config", "GREETING=hi"]
    return cli("run-template:create", *base, *words, "-f", "json")


@pytest.fixture
def world(acme: Company, echo: Application, ring: None) -> None:
    """A company and an application."""


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {"interv": "n", "cron": None, "active": 1, "executor": "Native", "max_attempts": 1, "complete": 1}),
        (["--interv", "daily"], {"interv": "d"}),
        (["--interval=MINUTELY"], {"interv": "i"}),
        (["--cron", "15 4 * * 1-5"], {"interv": "c", "cron": "15 4 * * 1-5"}),
        (["--cron", ""], {"interv": "n", "cron": None}),
        (["--max_attempts", "3", "--retry_min_gap", "60"], {"max_retries": 2, "retry_delay": 60, "max_attempts": 3}),
        (["--max_retries", "4"], {"max_attempts": 5}),
        (["--retry_backoff", "Linear", "--overlap", "queue_one"], {"retry_backoff": "linear", "overlap": "queue-one"}),
        (["--retry_on_exit_codes", "75, 1"], {"retry_on_exit_codes": [1, 75]}),
        (["--deadline_offset", "+3h", "--allow_late", "true"], {"deadline_offset": "+3h", "allow_late": 1}),
        (["--executor", "native"], {"executor": "Native"}),
        (["--active", "0"], {"active": 0}),
        (["--timezone", "America/New_York"], {"timezone": "America/New_York"}),
        (["--time_limit", "", "--max_parallel", ""], {"time_limit": None}),
    ],
)
def test_accepted_values(cli: Cli, words: list[str], expected: dict[str, Any]) -> None:
    outcome = create(cli, *words, "-v")
    assert outcome.code == 0, outcome.err
    assert {name: outcome.json[name] for name in expected} == expected
    assert outcome.json["company_slug"] == "acme"


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--interv", "fortnightly"], "interv"),
        (["--cron", "* * *"], "cron"),
        (["--interv", "c"], "cron"),
        (["--executor", "Docker"], "executor"),
        (["--executor", "Cray"], "executor"),
        (["--deadline_offset", "soon"], "deadline_offset"),
        (["--timezone", "Mars/Base"], "timezone"),
        (["--overlap", "maybe"], "overlap"),
        (["--retry_on_exit_codes", "x"], "retry_on_exit_codes"),
        (["--config", "COUNT=many"], "config"),
        (["--config", "MULTIFLEXI_X=1"], "config"),
        (["--name", " "], "name"),
    ],
)
def test_refused_values_name_the_field(cli: Cli, words: list[str], field: str) -> None:
    outcome = create(cli, *words)
    assert outcome.code == 1
    assert outcome.json["details"]["field"] == field
    assert not RunTemplate.objects.exists()
    assert not Configuration.objects.exists()


@pytest.mark.usefixtures("world")
def test_a_cron_error_names_the_expression(cli: Cli) -> None:
    assert create(cli, "--cron", "61 * * * *").json["cron"] == "61 * * * *"


@pytest.mark.usefixtures("world")
def test_an_incomplete_one_is_stored_but_not_scheduled(cli: Cli) -> None:
    outcome = cli(
        "run-template:create", "--name", "T", "--app", "echo", "--company", "acme", "--interv", "d", "-f", "json"
    )
    assert outcome.code == 0
    assert "GREETING" in outcome.err
    template = RunTemplate.objects.get()
    assert (template.active, template.complete, template.next_schedule) == (True, False, None)
    refused = cli("run-template:schedule", template.pk, "-f", "json")
    assert (refused.code, refused.json["details"]["missing"]) == (1, ["GREETING"])
    assert cli("run-template:schedule", template.pk, "--env", "GREETING=once").code == 0
    cli("run-template:update", template.pk, "--active", "0")
    assert (
        cli("run-template:update", template.pk, "--active", "1", "-f", "json").json["code"] == "runtemplate_incomplete"
    )
    assert cli("run-template:update", template.pk, "--active", "1", "--config", "GREETING=hi").code == 0
    template.refresh_from_db()
    assert template.next_schedule is not None


def test_the_first_slot_lies_ahead_and_follows_the_cadence(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--interv", "hourly")
    template.refresh_from_db()
    first = template.next_schedule
    assert first is not None
    assert timedelta(0) < first - datetime.now(UTC) <= timedelta(hours=1)
    cli("run-template:update", template.pk, "--note", "unchanged cadence")
    template.refresh_from_db()
    assert template.next_schedule == first
    cli("run-template:update", template.pk, "--interv", "manual")
    template.refresh_from_db()
    assert (template.next_schedule, template.cron) == (None, None)


def test_an_echoed_expression_does_not_override_a_new_interval(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--cron", "5 * * * *")
    cli("run-template:update", template.pk, "--interv", "d", "--cron", "5 * * * *")
    template.refresh_from_db()
    assert (template.interv, template.cron) == ("d", None)


def test_a_secret_value_is_sealed_and_masks_leave_it_alone(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--config", "API_KEY=s3cret", "--config", "COUNT=7")
    row = Configuration.objects.get(name="API_KEY")
    assert row.is_encrypted
    assert envelope.open_sealed(row.value or "", table="configuration", field="value", record=row.pk) == "s3cret"
    for value in ("••••••••", "", "(not set)"):
        outcome = cli("run-template:update", template.pk, "--config", f"API_KEY={value}", "-f", "json")
        assert outcome.json["updated"] is False
    record = cli("run-template:get", template.pk, "-f", "json").json
    assert (record["API_KEY"], record["environment"]["COUNT"]) == ("•" * 8, "7")
    assert "s3cret" not in json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))


def test_get_never_lets_a_variable_replace_a_column(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--config", "name=evil")
    record = cli("run-template:get", template.pk, "-f", "json").json
    assert (record["name"], record["environment"]["name"]) == ("Morning echo", "evil")


def test_get_by_name_needs_a_unique_one(cli: Cli, template: RunTemplate) -> None:
    assert cli("runtemplate:show", "Morning echo", "-f", "json").json["id"] == template.pk
    cli("run-template:clone", template.pk, "--name", "Morning echo")
    outcome = cli("run-template:get", "--name", "Morning echo", "-f", "json")
    assert (outcome.code, len(outcome.json["details"]["ids"])) == (1, 2)


def test_environment_alone(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--config", "API_KEY=s3cret", "--config", "GREETING=it's")
    text = cli("run-template:get", template.pk, "--export").out
    assert "export GREETING='it'\"'\"'s'\n" in text
    assert "# API_KEY is secret and not exported" in text
    assert cli("run-template:env", template.pk, "-f", "json").json["GREETING"] == "it's"


def test_clone_copies_values_but_is_inactive(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--config", "API_KEY=s3cret", "--interv", "daily")
    outcome = cli("run-template:clone", template.pk, "-f", "json").json
    copy = RunTemplate.objects.get(pk=outcome["id"])
    assert (copy.active, copy.interv, copy.next_schedule) == (False, "d", None)
    row = copy.configuration.get(name="API_KEY")
    assert envelope.open_sealed(row.value or "", table="configuration", field="value", record=row.pk) == "s3cret"
    assert copy.configuration.count() == template.configuration.count()


def test_schedule_makes_one_job_with_its_queue_row(cli: Cli, template: RunTemplate) -> None:
    done = cli("runtemplate", "schedule", "--format=json", "--id", template.pk, "--schedule_time", "now").json
    job = Job.objects.get()
    assert (done["job_id"], done["runtemplate_id"], done["executor"]) == (job.pk, template.pk, "Native")
    assert (job.schedule_type, job.status) == ("adhoc-cli", "pending")
    assert job.queue_entry.runtemplate_id == template.pk
    later = cli("run-template:schedule", template.pk, "--schedule_time", "+2 hours", "-f", "json").json
    assert Job.objects.get(pk=later["job_id"]).schedule_type == "CommandLine"
    event = cli("run-template:schedule", template.pk, "--schedule_type", "event", "-f", "json").json
    assert Job.objects.get(pk=event["job_id"]).schedule_type == "event"
    assert AuditEntry.objects.filter(action="run").count() == 3
    lines = cli("run-template:schedule", template.pk).out.splitlines()
    assert len(lines) == 3


def test_overrides_count_once_and_secret_ones_are_sealed(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:schedule", template.pk, "--config", "API_KEY=s3cret", "--env", "EXTRA=1")
    job = Job.objects.get()
    assert job.overrides["EXTRA"] == "1"
    assert envelope.is_sealed(job.overrides["API_KEY"])
    assert list(template.configuration.values_list("name", flat=True)) == ["GREETING"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--schedule_type", "moon"], "invalid_value"),
        (["--executor", "Docker"], "invalid_value"),
        (["--config", "COUNT=x"], "invalid_value"),
        (["--schedule_time", "whenever"], "wrong_use"),
    ],
)
def test_schedule_refuses_nonsense(cli: Cli, template: RunTemplate, words: list[str], code: str) -> None:
    outcome = cli("run-template:schedule", template.pk, *words, "-f", "json")
    assert outcome.json["code"] == code
    assert not QueueEntry.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["run-template:update", "1", "--active", "0"],
        ["company:update", "acme", "--enabled", "0"],
        ["application:update", "echo", "--enabled", "0"],
    ],
)
def test_what_is_switched_off_does_not_run(cli: Cli, template: RunTemplate, words: list[str]) -> None:
    cli(*(str(template.pk) if word == "1" else word for word in words))
    for command in ("run-template:schedule", "job:create"):
        outcome = cli(command, template.pk, "-f", "json")
        assert (outcome.code, outcome.json["code"]) == (1, "runtemplate_not_runnable")


def test_preview_shows_sources_and_problems_without_running(cli: Cli, template: RunTemplate) -> None:
    Application.objects.update(cmdparams="--greet {GREETING}")
    shown = cli("run-template:preview", template.pk, "--config", "API_KEY=s3cret", "-f", "json")
    assert shown.code == 0
    assert shown.json["command"] == ["/bin/echo", "--greet", "hello"]
    variables = {one["name"]: one for one in shown.json["environment"]}
    assert variables["GREETING"]["source"] == "runtemplate"
    assert (variables["API_KEY"]["secret"], variables["API_KEY"]["value"]) == (True, "•" * 8)
    template.configuration.all().delete()
    broken = cli("run-template:preview", template.pk, "-f", "json")
    assert broken.code == 1
    assert any("GREETING" in problem for problem in broken.json["problems"])
    assert not Job.objects.exists()


def test_explain_says_why_it_waits(cli: Cli, template: RunTemplate) -> None:
    data = cli("run-template:explain", template.pk, "-f", "json").json
    assert (data["state"], [one["kind"] for one in data["reasons"]]) == ("unscheduled", ["unscheduled"])
    cli("run-template:update", template.pk, "--interv", "d")
    data = cli("run-template:explain", template.pk, "-f", "json").json
    assert (data["state"], [one["kind"] for one in data["reasons"]]) == ("scheduled", ["scheduler"])
    assert data["next_schedule"]
    assert "No scheduler is alive" in cli("run-template:explain", template.pk).out


def test_stale_ones_are_found(cli: Cli, template: RunTemplate) -> None:
    RunTemplate.objects.update(interv="d", next_schedule=datetime.now(UTC) - timedelta(hours=7))
    assert cli("run-template:stale", "-f", "json").json["stale"][0]["id"] == template.pk
    assert cli("run-template:stale", "--tolerance-hours", "8", "-f", "json").json["count"] == 0


def test_filters(cli: Cli, template: RunTemplate, globex: Company) -> None:
    for words, number in (
        (["--company", "acme"], 1),
        (["--company", "globex"], 0),
        (["--company_id", str(globex.pk)], 0),
        (["--app_uuid", str(template.app.uuid)], 1),
        (["--app_uuid", "nope"], 0),
        (["--active", "0"], 0),
        (["--search", "morning"], 1),
    ):
        assert len(cli("run-template:list", *words, "-f", "json").json) == number, words


def test_delete_takes_jobs_along_but_not_running_ones(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:schedule", template.pk)
    Job.objects.update(status="running")
    assert cli("run-template:delete", template.pk, "-f", "json").json["code"] == "jobs_active"
    Job.objects.update(status="pending")
    assert cli("run-template:delete", template.pk, "-f", "json").json == {
        "runtemplate_id": template.pk,
        "deleted": True,
    }
    assert not Job.objects.exists()
    assert ConfField.objects.exists()


def test_it_stays_with_its_company(cli: Cli, template: RunTemplate, globex: Company) -> None:
    assert cli("run-template:update", template.pk, "--company", "globex").code == 1
    assert cli("job:create", template.pk, "--company", "globex", "-f", "json").json["code"] == "foreign_company"
