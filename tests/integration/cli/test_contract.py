"""What holds for every command: one document, the right exit code, no traceback."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import yaml

from multiflexi.cli import tree
from multiflexi.cli.declare import Command
from multiflexi.models import Application, Company, Job, QueueEntry, RunTemplate
from multiflexi.services import credential_assignment, event_rule, event_source
from tests.integration.services.bank import SHELL, make_credential, make_type

from .conftest import Cli

COMMANDS = {str(one.name): one for one in tree.all_commands()}
NEWEST_FIRST = {"audit:list"}
LISTS = [name for name in COMMANDS if name.endswith(":list")]
NEEDED = {
    "application:export-json": ["--file", "-"],
    "artifact:save": ["--file", "-"],
    "company-app:assign": ["--app", "1"],
    "company-app:unassign": ["--app", "1"],
    "run-template:update": ["--note", "x"],
    "application:update": ["--name", "x"],
}


def selector(command: Command) -> str | None:
    """The option that selects the record a command is about."""
    for option in command.declared:
        if option.positional and option.name not in ("file", "action"):
            return option.opts[0]
    return None


WITH_SELECTOR = [name for name, one in COMMANDS.items() if selector(one)]


@pytest.mark.parametrize("format", ["text", "json", "yaml"])
@pytest.mark.parametrize("name", WITH_SELECTOR)
def test_a_record_that_does_not_exist(cli: Cli, name: str, format: str) -> None:
    outcome = cli(name, selector(COMMANDS[name]), "424242", *NEEDED.get(name, []), f"--format={format}")

    assert outcome.code == 1
    assert "not found" in outcome.err
    assert len(outcome.err.splitlines()) == 1
    if format == "text":
        assert outcome.out == ""
    else:
        document = json.loads(outcome.out) if format == "json" else yaml.safe_load(outcome.out)
        assert document["status"] == "not found"
        assert document["code"].endswith("_not_found")
        assert document["message"] == outcome.err.strip()
        assert document["details"] == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_format_is_wrong_use(cli: Cli, name: str) -> None:
    outcome = cli(name, "--format", "pdf")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.strip()


@pytest.mark.parametrize("name", [name for name in WITH_SELECTOR if name not in ("job:status", "user:create")])
def test_a_missing_selector_is_wrong_use(cli: Cli, name: str) -> None:
    outcome = cli(name, "--format=json")
    assert (outcome.code, outcome.json["status"]) == (2, "error")


@pytest.fixture
def furnished(template: RunTemplate, cli: Cli) -> None:
    """At least one row in as many lists as possible."""
    assert cli("run-template:schedule", template.pk, "--config", "API_KEY=s3cr3t-override").code == 0
    assert cli("company-app:assign", "--company", "acme", "--app", "echo").code == 0
    source = event_source.create(SHELL, name="Changes", db_password="s3cr3t")
    event_rule.create(SHELL, event_source_id=source.pk, runtemplate_id=template.pk)
    kind = make_type(template.company, values={"SAFE_PASSWORD": "s3cr3t"})
    found = make_credential(kind, template.company, BANK_TOKEN="s3cr3t")
    credential_assignment.assign(SHELL, template, found)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.usefixtures("furnished")
def test_lists_in_every_format(cli: Cli, name: str) -> None:
    rows = cli(name, "-f", "json").json
    assert isinstance(rows, list)
    assert yaml.safe_load(cli(name, "-f", "yaml").out) == rows
    assert [json.loads(line) for line in cli(name, "-f", "ndjson").out.splitlines()] == rows
    table = list(csv.DictReader(io.StringIO(cli(name, "-f", "csv").out)))
    assert [row["id"] for row in table] == [str(row["id"]) for row in rows]
    assert cli(name).code == 0


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.usefixtures("furnished")
def test_lists_can_be_paged_and_ordered(cli: Cli, name: str) -> None:
    rows = cli(name, "-f", "json").json
    assert cli(name, "--limit", 1, "-f", "json").json == rows[:1] or name == "job:list"
    assert cli(name, "--offset", 1, "-f", "json").json == rows[1:]
    assert cli(name, "--limit", 0, "-f", "json").json == rows
    ids = [row["id"] for row in rows]
    falling = ids if name in NEWEST_FIRST else ids[::-1]
    assert [row["id"] for row in cli(name, "--order=D", "-f", "json").json] == falling
    if rows and name != "queue:list":
        for column in rows[0]:
            outcome = cli(name, "--order", f"{column}:desc", "-f", "json")
            assert outcome.code in (0, 2), column
    assert cli(name, "--limit", "-1").code == 2
    assert cli(name, "--limit", "1.5").code == 2


@pytest.mark.parametrize("name", [name for name in LISTS if name != "queue:list"])
def test_an_unknown_column_is_wrong_use(cli: Cli, name: str) -> None:
    outcome = cli(name, "--order", "nonsense", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (2, "unknown_order")


def test_quiet_says_nothing_but_errors(cli: Cli, acme: Company) -> None:
    outcome = cli("company:list", "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    outcome = cli("company:get", "nope", "--quiet")
    assert outcome.code == 1
    assert outcome.err.strip()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_makes_no_query_per_row(cli: Cli, name: str, acme: Company, queries: Any) -> None:
    for number in range(12):
        app = Application.objects.create(
            uuid=f"00000000-0000-4000-8000-{number:012}", code=f"a{number}", name=f"App {number}", executable="x"
        )
        template = RunTemplate.objects.create(app=app, company=acme, name=f"T{number}")
        job = Job.objects.create(app=app, company=acme, runtemplate=template, launched_by_id=1)
        QueueEntry.objects.create(
            job=job, app_id=job.app_id, runtemplate=template, company=acme, after="2026-01-01T00:00:00Z"
        )
    with queries(4):
        assert cli(name, "-f", "json").code == 0
