"""The literal calls of programs that drive the command line, over empty, filled and hostile data."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from multiflexi.models import Application, Company, RunTemplate, User
from multiflexi.record.actor import Actor
from multiflexi.services import credential_assignment, event_rule, event_source, token
from tests.integration.services.bank import SHELL, make_credential, make_prototype, make_type

from .conftest import Cli, Outcome
from .reading import document

FORMATS = ("json", "yaml", "ndjson", "csv", "text")
CODES = (0, 1)
HOSTILE = {
    "quotes": 'O\'Brien "and" `sons` \\ $HOME',
    "newlines": "first line\nsecond line\r\nthird",
    "dashes": "--format=csv",
    "emoji": "Žluťoučký 🐎 kůň ✓",
    "long": "n" * 300,
    "wildcards": "100%_[a-z]*?",
    "markup": "<script>alert(1)</script>&amp;",
    "control": "\x1b[31mred\x07",
    "sql": "x'; DROP TABLE company; --",
    "formula": "=HYPERLINK(1)",
}
# The terminal program decodes these members into fixed types.
NUMBERS = {
    "id", "company_id", "app_id", "runtemplate_id", "job_id", "credential_type_id", "event_source_id", "exitcode",
    "pid", "delay", "server", "customer", "launched_by", "job", "priority", "poll_interval", "successfull_jobs_count",
    "failed_jobs_count", "failed_login_attempts", "enabled", "active", "marked_for_deletion",
    "two_factor_enabled", "required", "allow_late", "prepared", "is_active", "size", "user_id",
}  # fmt: skip
TEXTS = {"db_port", "tags", "topics", "requirements", "env_mapping", "artifacts", "name", "success", "fail", "uuid"}
ENTITIES = (
    "application artifact company credential credtype crprototype eventrule eventsource job queue runtemplate token "
    "user"
)


@pytest.fixture
def filled(template: RunTemplate, alice: User, cli: Cli) -> RunTemplate:
    """At least one row in each list."""
    kind = make_type(template.company, make_prototype("TestBank"))
    credential_assignment.assign(SHELL, template, make_credential(kind, template.company, BANK_TOKEN="t0ken-word"))
    source = event_source.create(SHELL, name="Changes", db_password="s3cr3t-word")
    event_rule.create(SHELL, event_source_id=source.pk, runtemplate_id=template.pk, env_mapping={"ID": "recordid"})
    token.create(Actor(user_id=None, origin="cli"), alice, label="robot")
    assert cli("run-template:schedule", template.pk).code == 0
    return template


@pytest.fixture
def hostile(filled: RunTemplate, cli: Cli) -> RunTemplate:
    """The same with names that break out of quoting, tables, patterns and terminals, where the columns hold them."""
    for number, name in enumerate(HOSTILE.values()):
        short = name[:64]
        Company.objects.create(name=short, slug=f"h{number}")
        Application.objects.create(
            uuid=f"00000000-0000-4000-8000-{number:012}",
            code=f"h{number}",
            name=short,
            executable="x",
            description=name,
        )
        RunTemplate.objects.create(app=filled.app, company=filled.company, name=short, note=name)
        User.objects.create(login=f"h{number}", email=f"h{number}@example.org", firstname=short, password="!")
        event_source.create(SHELL, name=short)
    return filled


@pytest.fixture(params=["empty", "filled", "hostile"])
def data(request: pytest.FixtureRequest, ring: None) -> str:
    """The kind of data that is there."""
    if request.param != "empty":
        request.getfixturevalue(request.param)
    return str(request.param)


def parsed(outcome: Outcome, format: str) -> Any:
    """The one document on standard output; rows of CSV by the names in its header."""
    found = document(outcome, format)
    if format != "csv" or not found:
        return found
    header, *rows = found
    return [dict(zip(header, row, strict=True)) for row in rows]


def sound(outcome: Outcome, format: str = "json") -> Outcome:
    """What holds for every call: a code of the table, one document, a readable line for each failure, no traceback."""
    assert outcome.code in CODES, (outcome.out, outcome.err)
    assert "Traceback" not in outcome.err
    assert "Internal error" not in outcome.err
    if outcome.code:
        assert outcome.err.strip()
        if format in ("json", "yaml"):
            assert parsed(outcome, format)["message"]
    else:
        parsed(outcome, format)
    return outcome


READS = [
    *(f"{entity}:list --order=D --limit=20 --offset=0" for entity in ENTITIES.split()),
    *(f"{entity} list --limit=2 --offset=1" for entity in ENTITIES.split()),
    "status",
    "status --no-interaction",
    "job status",
    "queue list",
    "schedule:list",
    "queue:overview",
    "queue:list --limit 5 --order after --direction D",
    "company-app:list",
    "company-app:list --company_id 1 --app_id 1",
    "user-erasure:list",
    "user-erasure:list --status pending",
    "credential-type:list --limit 5 --order A",
    "artifact:list --job_id 1 --fields id,filename",
    "encryption:status",
    "task:list",
    "task:status",
    "run-template:list --company acme",
    "run-template:stale",
    "job list --status failed --limit 10",
    "company:get --slug acme -v",
    "company:get --ic 12345678 -v",
    "company:get --name ACME -v",
    "application:get --uuid 11111111-1111-4111-8111-111111111111 -v",
    "application:get --name Echo -v",
    "application showconfig --id 1",
    "user:get --login alice -v",
    "user:get --email alice@example.org",
    "credential-prototype:get --code TestBank",
    "credential-type:get --uuid 22222222-2222-4222-8222-222222222222",
    "run-template:get --name 'Morning echo' -v",
    "job:get --id 1 -v",
    "token:get --id 1",
    "event-source:get --id 1",
    "event-rule:get --id 1",
    "queue fix",
    "queue truncate",
    "crprototype sync",
]


@pytest.mark.parametrize("format", FORMATS)
def test_calls_that_read(cli: Cli, data: str, format: str) -> None:
    for call in READS:
        # The former format of a command that prints one object is the same for all.
        option = "-F" if call.startswith("user-erasure") else "--format"
        outcome = sound(cli(*shlex.split(call), f"{option}={format}" if option != "-F" else f"-F{format}"), format)
        if data == "empty" and ":list" in call and not call.startswith(("user:", "crprototype")):
            assert outcome.code == 0


@pytest.mark.usefixtures("hostile")
def test_lists_have_the_types_that_the_terminal_program_decodes(cli: Cli) -> None:
    for entity in ENTITIES.split():
        rows = cli(f"{entity}:list", "--format=json", "--order=D", "--limit=50", "--offset=0").json
        assert isinstance(rows, list), entity
        for row in rows:
            for name, value in row.items():
                if name in NUMBERS:
                    assert value is None or (isinstance(value, int) and not isinstance(value, bool)), (entity, name)
                if name in TEXTS:
                    assert value is None or isinstance(value, str), (entity, name)
            assert not {one for one in row.values() if isinstance(one, bool)}, entity
    for row in cli("credtype:list", "-f", "json").json:
        assert isinstance(row["version"], int)
        assert isinstance(row["class"], str)
    assert all(isinstance(row["user"], str) for row in cli("token:list", "-f", "json").json)
    jobs = cli("job:list", "--format=json", "--order=D", "--limit=10", "--offset=0").json
    assert all(isinstance(row["env"], dict) and isinstance(row["stdout"], str) for row in jobs)
    told = cli("status", "--format=json").json
    assert all(isinstance(told[name], str) for name in ("jobs", "php", "database", "executor", "db_host", "encryption"))
    assert all(isinstance(told[name], int) for name in ("companies", "runtemplates", "memory", "applications", "apps"))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.usefixtures("filled")
def test_hostile_texts_are_stored_as_they_are_or_refused(cli: Cli, name: str, format: str) -> None:
    made = sound(cli("company:create", f"--name={name}", "--slug=nasty", f"--format={format}"), format)
    if made.code == 0:
        assert cli("company:get", "--slug=nasty", "-f", "json").json["name"] == name.strip()
        assert [one["slug"] for one in cli("company:list", f"--search={name}", "-f", "json").json] == ["nasty"]
    for words in (
        ["application create", f"--name={name}", "--executable=x", f"--description={name}"],
        ["runtemplate create", f"--name={name}", "--app_id=echo", "--company_id=acme", "--config", f"GREETING={name}"],
        ["crprototype create", "--code=Nasty", f"--name={name}", f"--description={name}"],
        ["eventsource create", f"--name={name}", f"--db_host={name}", f"--db_password={name}"],
        ["eventrule create", "--event_source_id=1", "--runtemplate_id=1", f"--evidence={name}"],
        ["user create", f"--login={name}", "--email=n@example.org", f"--firstname={name}"],
        ["user:data-erasure create", "--user-login=alice", f"--reason={name}"],
        ["token generate", f"--user={name}"],
        ["company-app:assign", f"--company_id={name}", f"--app_uuid={name}"],
        ["job:list", f"--search={name}"],
        ["application:get", f"--uuid={name}"],
        ["run-template:get", f"--name={name}"],
    ):
        option = "-F" + format if "erasure" in words[0] else f"--format={format}"
        sound(cli(*words[0].split(), *words[1:], option), format)


def test_the_company_module(cli: Cli) -> None:
    absent = cli("company:get", "--slug", "DEMO", "--verbose", "--format", "json")
    assert (absent.code, absent.json["status"]) == (1, "not found")
    assert "not found" in absent.json["message"]
    words = ["--slug", "DEMO", "--enabled", "1", "--ic", "12345678", "--email", "demo@example.org", "--customer", ""]
    made = cli("company:create", "--name", "Demo", *words, "--zabbix_host", "z1", "--verbose", "--format", "json").json
    assert (made["slug"], made["enabled"], made["ic"], made["zabbix_host"]) == ("DEMO", 1, "12345678", "z1")
    changed = cli(
        "company:update", "--id", made["id"], "--slug", "DEMO", "--zabbix_host", "z2", "--DatCreate",
        "2024-01-02 03:04:05", "--DatUpdate", "2024-02-03 04:05:06", "--verbose", "--format", "json",
    ).json  # fmt: skip
    assert (changed["zabbix_host"], changed["DatCreate"]) == ("z2", "2024-01-02 03:04:05")
    assert cli("company:remove", "--id", made["id"], "--verbose", "--format", "json").json["removed"] is True


def test_the_application_and_run_template_modules(cli: Cli, acme: Company) -> None:
    fields = [
        "--name", "Tool", "--executable", "/bin/echo", "--description", "d", "--homepage", "https://example.org",
        "--appversion", "1.2.3", "--ociimage", "", "--requirements", "", "--tags", "a,b", "--format", "json",
        "--verbose",
    ]  # fmt: skip
    assert cli("application:get", "--uuid", "55555555-5555-4555-8555-555555555555", "--format", "json").code == 1
    made = cli("application:create", "--uuid", "55555555-5555-4555-8555-555555555555", *fields).json
    assert (made["appversion"], made["tags"]) == ("1.2.3", "a,b")
    again = cli("application:create", "--uuid", "55555555-5555-4555-8555-555555555555", *fields)
    assert (again.code, "already exists" in again.json["message"]) == (1, True)
    words = ["--company_id", acme.pk, "--company", "acme", "--active", "1", "--interv", "d", "--cron", "", "--executor"]
    template = cli(
        "run-template:create", "--name", "Daily", *words, "native", "--config", "GREETING=a=b", "--app_uuid",
        made["uuid"], "--verbose", "--format", "json",
    ).json  # fmt: skip
    assert (template["executor"], template["active"], template["app_uuid"]) == ("Native", 1, made["uuid"])
    shown = cli("run-template:get", "--id", template["id"], "--verbose", "--format", "json").json
    assert (shown["interv"], shown["app_uuid"], shown["company_id"]) == ("d", made["uuid"], acme.pk)
    job = cli(
        "job:create", "--runtemplate_id", template["id"], "--scheduled", "now", "--executor", "native",
        "--schedule_type", "adhoc", "--verbose", "--format", "json",
    ).json  # fmt: skip
    assert {"id", "runtemplate_id", "scheduled", "app_id", "executor", "schedule_type"} <= set(job)
    later = cli("job:update", "--id", job["id"], "--scheduled", "+2 hours", "--verbose", "--format", "json").json
    assert later["scheduled"] > job["scheduled"]
    assert cli("job:delete", "--id", job["id"], "--verbose", "--format", "json").json["deleted"] is True
    assert cli("run-template:delete", "--id", template["id"], "--verbose", "--format", "json").json["deleted"] is True


def test_the_modules_of_accounts(cli: Cli, acme: Company) -> None:
    words = ["--login=demo", "--email=demo@example.org", "--plaintext=Long-enough-9-word", "--firstname=D"]
    made = cli("user:create", *words, "--lastname=O", "--enabled=true", "--settings", '{"a": 1}', "--format", "json")
    assert made.json["user_id"] == cli("user:get", "--login", "demo", "--format", "json", "-v").json["id"]
    assert any(one["enabled"] == 1 for one in cli("user:list", "--format", "json").json)
    number = made.json["user_id"]
    joined = cli(
        "user-company:assign", "--company_id", acme.pk, "--login", "demo", "--role", "manager", "--format=json"
    )
    assert joined.json["role"] == "manager"
    set_ = cli("user-role:set", "--user_id", number, "--roles", "editor", "--replace", "true", "--format", "json").json
    assert set_["roles"] == ["editor"]
    wrong = cli("user-role:set", "--user_id", number, "--roles", "king", "--format", "json")
    assert (wrong.code, wrong.json["status"]) == (1, "invalid_roles")
    left = cli("user-company:unassign", "--company_id", acme.pk, "--user_id", number, "--format", "json").json
    assert left["deleted"] == 1
    given = cli("token:create", "--user", number, "--format", "json").json
    assert cli("token:update", "--id", given["token_id"], "--user", number, "--token", "••••••••", "-f=json").code == 0
    assert cli("token:generate", "--user", number, "--format", "json").json["token"]
    assert cli("token:delete", "--id", given["token_id"], "--format", "json").json["deleted"] is True
    assert cli("user:delete", "--id", number, "--format", "json").json["status"] == "success"


@pytest.mark.usefixtures("filled")
def test_the_modules_of_events(cli: Cli, template: RunTemplate) -> None:
    words = [
        "--name", "Webhook", "--adapter_type", "abraflexi-webhook", "--db_connection", "mysql", "--db_host",
        "db.example", "--db_port", "3307", "--db_database", "changes", "--db_username", "u", "--db_password",
        "s3cr3t-word", "--poll_interval", "30", "--enabled", "1", "--format", "json",
    ]  # fmt: skip
    made = cli("event-source:create", *words).json
    assert made["created"] is True
    shown = cli("event-source:get", "--id", made["id"], "--format", "json").json
    assert (shown["db_port"], shown["poll_interval"], shown["enabled"], shown["db_password"]) == (
        "3307", 30, 1, "••••••••",
    )  # fmt: skip
    same = [f"--{name}={shown[name]}" for name in ("name", "db_host", "db_port", "db_password", "enabled")]
    assert cli("eventsource:update", "--format=json", "--id", made["id"], *same).json["updated"] is False
    again = cli("event-source:create", *words)
    assert (again.code, "already exists" in again.json["message"]) == (1, True)
    rule = cli(
        "event-rule:create", "--eventsource_id", made["id"], "--runtemplate_id", template.pk, "--evidence", "invoice",
        "--operation", "create", "--enabled", "true", "--condition", '{"state": "paid"}', "--env_mapping",
        '{"INVOICE": "recordid"}', "--priority", "5", "--format", "json",
    ).json  # fmt: skip
    shown = cli("event-rule:get", "--id", rule["id"], "--format", "json").json
    assert (shown["enabled"], shown["priority"], json.loads(shown["env_mapping"])) == (1, 5, {"INVOICE": "recordid"})
    assert json.loads(shown["condition"]) == {"state": "paid"}
    bad = cli("event-rule:update", "--id", rule["id"], "--env_mapping", "no json", "--format", "json")
    assert (bad.code, bad.json["code"]) == (2, "wrong_use")
    assert cli("event-rule:update", "--id", rule["id"], "--env_mapping", "", "-f", "json").json["updated"] is True
    assert [one["id"] for one in cli("event-rule:list", "--event_source_id", made["id"], "-f", "json").json] == [
        rule["id"]
    ]
    assert cli("eventrule remove", "--id", rule["id"]).code == 2
    assert cli("eventrule", "remove", "--format=json", "--id", rule["id"]).json["removed"] is True
    assert cli("event-source:remove", "--id", made["id"], "--format", "json").json["removed"] is True


def test_the_module_of_erasure(cli: Cli, alice: User, root: User) -> None:
    made = cli("user-erasure:create", "--user-login", "alice", "--deletion-type", "anonymize", "--reason", "x",
               "--force", "--format", "json").json  # fmt: skip
    number = made["request_id"]
    early = cli("user-erasure:process", "--request-id", number, "--format", "json")
    assert (early.code, early.json["code"]) == (1, "erasure_not_approved")
    assert cli("user-erasure:approve", "--request-id", number, "--force", "--notes", "ok").code == 0
    refused = cli("user-erasure:reject", "--request-id", number, "--reason", "late", "--force", "-Fjson")
    assert (refused.code, refused.json["code"]) == (1, "erasure_request_decided")
    alone = cli("user-erasure:process", "--request-id", number)
    assert (alone.code, "last administrator of ACME" in alone.err) == (1, True)
    assert cli("user-company:assign", "--company", "acme", "--login", "root", "--role", "admin").code == 0
    assert cli("user-erasure:process", "--request-id", number).code == 0
    (row,) = cli("user-erasure:list", "--format", "json", "--status", "completed").json
    assert (row["status"], row["target_user_login"], row["reason"]) == ("completed", f"deleted-{alice.pk}", None)
    assert cli("user-erasure:process", "--request-id", number).code == 0
    audited = cli("user-erasure:audit", "--request-id", number)
    assert "Integrity: intact" in audited.out
    assert cli("user-erasure:cleanup").code == 0
    alice.refresh_from_db()
    assert (alice.enabled, alice.email) == (False, f"deleted-{alice.pk}@invalid")


def test_package_scripts(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tool.app.json"
    file.write_text(
        json.dumps({"uuid": "55555555-5555-4555-8555-555555555555", "name": "T", "executable": "t", "environment": {}})
    )
    (tmp_path / "broken.app.json").write_text('{"name": "x",}')
    for words in (["application", "import-json", "--file", file], ["app", "import-json", "--file=tool.app.json"]):
        assert cli(*words).code == 0
    assert cli("app", "validate-json", f"--file={file}").code in CODES
    assert cli("application:import-json", "--file", "broken.app.json").code == 1
    assert cli("application:remove-json", "--file", "broken.app.json").code == 0
    for _ in range(2):
        assert cli("application:remove-json", "--file", file).code == 0
    assert cli("crprototype", "sync").code == 0


def test_the_set_up_of_browser_tests(cli: Cli) -> None:
    assert cli("user", "create", "--login=t", "--email=t@example.org", "--plaintext=Long-enough-9-word",
               "--enabled=true").code == 0  # fmt: skip
    assert cli("company", "create", "--name=Test", "--enabled=true", "--ic=", "--email=", "--slug=test").code == 0
    words = ["--name=A", "--description=d", "--executable=x", "--homepage=", "--appversion=1", "--uuid=testapp"]
    assert cli("application", "create", *words).code == 0
    assert cli("application", "get", "--uuid=testapp", "--format=json").json["name"] == "A"
    for noun, member in (("user", "login"), ("company", "name"), ("application", "name")):
        assert all(member in one for one in cli(noun, "list", "--format=json").json)


def test_the_event_processor_of_former_times(cli: Cli, template: RunTemplate) -> None:
    words = ["--id", template.pk, "--config", "GREETING=a", "--config", "COUNT=2", "--schedule_time", "now"]
    made = cli("runtemplate", "schedule", *words, "--executor", "Native", "--schedule_type", "event", "-f", "json")
    assert made.json["job_id"]
    assert len(cli("schedule:list", "--format", "json").json) == 1


def test_help_of_former_times(cli: Cli) -> None:
    for words in (["help", "--help"], ["user", "--help"], ["list"], ["company:create", "--help"], []):
        outcome = cli(*words)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out
