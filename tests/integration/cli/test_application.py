"""Applications and their definition files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multiflexi.models import Application, AuditEntry, Company, CredentialPrototype, RunTemplate

from .conftest import Cli

UUID = "22222222-2222-4222-8222-222222222222"


def definition(**members: Any) -> str:
    return json.dumps(
        {
            "$schema": "https://multiflexi.eu/schema/application-3.4.0.json",
            "uuid": UUID,
            "name": "Probe",
            "description": "Looks",
            "executable": "probe",
            "version": "1.0.0",
            "environment": {
                "TARGET": {
                    "type": "string",
                    "description": "Where",
                    "required": True,
                    "category": "Other",
                }
            },
            **members,
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "probe.app.json"
    path.write_text(definition())
    return path


def test_create_and_find_by_everything(cli: Cli) -> None:
    words = ["--name", "Probe", "--executable", "probe", "--uuid", UUID, "--tags", "a, b", "--appversion", "2.1"]
    number = cli("application:create", *words, "-f", "json").json["application_id"]
    for selector in ([str(number)], ["probe"], [UUID], ["Probe"], ["--uuid", UUID], ["--name", "Probe"]):
        record = cli("application:get", *selector, "-f", "json").json
        assert (record["id"], record["tags"], record["topics"], record["appversion"]) == (number, "a,b", "a,b", "2.1")


def test_a_text_that_is_no_uuid_stands_for_one(cli: Cli) -> None:
    outcome = cli("application:create", "--name", "T", "--executable", "t", "--uuid", "testapp", "-f", "json")
    assert outcome.code == 0
    assert "Warning" in outcome.err
    assert cli("application:get", "--uuid", "testapp", "-f", "json").json["id"] == outcome.json["id"]
    assert cli("application:get", "--uuid", "other", "-f", "json").code == 1


def test_verbose_create_wraps_the_record_and_is_flat_too(cli: Cli) -> None:
    record = cli("application:create", "--name", "P", "--executable", "p", "-v", "-f", "json").json
    assert record["status"] == "created"
    assert record["application"]["id"] == record["id"] == Application.objects.get().pk
    assert record["application"]["enabled"] == record["enabled"] == 1


def test_the_same_uuid_twice_already_exists(cli: Cli, echo: Application) -> None:
    outcome = cli("application:create", "--name", "X", "--executable", "x", "--uuid", echo.uuid, "-f", "json")
    assert (outcome.code, outcome.json["details"]["id"]) == (1, echo.pk)
    assert "already exists" in outcome.json["message"]


def test_with_id_the_uuid_is_the_new_one(cli: Cli, echo: Application) -> None:
    assert cli("application:update", "--id", echo.pk, "--uuid", UUID).code == 0
    assert cli("application:update", "--uuid", UUID, "--name", "Renamed").code == 0
    echo.refresh_from_db()
    assert (str(echo.uuid), echo.name) == (UUID, "Renamed")
    assert cli("application:update", echo.pk).code == 1


def test_disabling_takes_run_templates_off_the_schedule(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:update", template.pk, "--cron", "*/5 * * * *")
    cli("application:update", "echo", "--enabled", "0")
    template.refresh_from_db()
    assert template.next_schedule is None


def test_delete_is_refused_while_it_is_used(cli: Cli, template: RunTemplate) -> None:
    outcome = cli("application:delete", "echo", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (1, "application_in_use")
    assert template.name in outcome.json["message"]
    cli("run-template:delete", template.pk)
    assert cli("application:delete", "echo", "-f", "json").json["deleted"] is True
    assert not Application.objects.exists()


def test_show_config_lists_the_declared_variables(cli: Cli, echo: Application) -> None:
    rows = cli("application", "showconfig", "--id", echo.pk, "-f", "json").json
    assert [row["code"] for row in rows] == ["COUNT", "GREETING", "API_KEY"]
    assert list(rows[0]) == ["code", "name", "type", "required", "default", "description", "secret", "category"]
    assert (rows[1]["required"], rows[2]["secret"], rows[0]["default"]) == (1, 1, "1")
    echo.fields.filter(keyname="API_KEY").update(defval="s3cret")
    assert cli("application:show-config", "echo", "-f", "json").json[2]["default"] == "•" * 8


def test_importing_twice_changes_nothing_the_second_time(cli: Cli, file: Path) -> None:
    first = cli("application:import-json", "--file", file, "-f", "json").json
    second = cli("app", "import-json", f"--json={file}", "-f", "json").json
    assert (first["status"], first["result"], second["result"]) == ("success", "created", "unchanged")
    assert first["imported"]["name"] == "Probe"
    assert first["id"] == second["application_id"]
    file.write_text(definition(description="Looks twice"))
    assert cli("application:import-json", file, "-f", "json").json["result"] == "updated"
    assert AuditEntry.objects.filter(entity_type="Application").count() == 2


def test_a_file_that_is_no_json_is_rejected_with_its_place(cli: Cli, tmp_path: Path, file: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"name": "x",}')
    outcome = cli("application:import-json", broken, "-f", "json")
    assert (outcome.code, outcome.json["result"]) == (1, "rejected")
    assert "line 1, column" in outcome.err
    several = cli("application:import-json", tmp_path, "-f", "json")
    assert several.code == 1
    assert [one["result"] for one in several.json] == ["rejected", "created"]
    assert cli("application:import-json", broken, file, "--keep-going").code == 0
    assert cli("application:import-json", tmp_path / "none.json").code == 2


def test_a_file_that_deviates_is_imported_with_warnings(cli: Cli, file: Path) -> None:
    file.write_text(definition(uuid="not-a-uuid"))
    outcome = cli("application:import-json", file, "-f", "json")
    assert (outcome.code, outcome.json["result"]) == (0, "created")
    assert outcome.json["warnings"]
    assert "Warning" in outcome.err
    assert cli("application:import-json", file, "--strict").code == 1


def test_export_and_import_are_inverse(cli: Cli, file: Path, tmp_path: Path) -> None:
    cli("application:import-json", file)
    target = tmp_path / "out.json"
    assert cli("application:export-json", "--uuid", UUID, "--file", target, "-f", "json").json["exported"] is True
    assert cli("application:import-json", target, "-f", "json").json["result"] == "unchanged"
    assert json.loads(cli("application:export-json", "Probe").out)["uuid"] == UUID
    assert cli("application:export-json", "Probe", "--file", tmp_path / "no" / "dir.json").code == 1


def test_remove_json_never_fails_a_package_removal(cli: Cli, file: Path, tmp_path: Path, echo: Application) -> None:
    cli("application:import-json", file)
    other = tmp_path / "other.json"
    other.write_text("no json")
    assert cli("application:remove-json", "--file", other, "-f", "json").json["removed"] is False
    assert cli("application:remove-json", "--file", other, "--strict").code == 1
    assert cli("application:remove-json", "--file", file, "-f", "json").json["removed"] is True
    again = cli("application:remove-json", "--file", file, "-f", "json")
    assert (again.code, again.json["removed"]) == (0, False)
    assert list(Application.objects.values_list("code", flat=True)) == ["echo"]
    assert cli("application:remove-json", "--file", tmp_path / "none").code == 2


def test_assign_and_unassign(cli: Cli, acme: Company, echo: Application) -> None:
    pair = ["--company_id", acme.pk, "--app_uuid", echo.uuid, "-f", "json"]
    first = cli("company-app:assign", *pair).json
    template = RunTemplate.objects.get()
    assert (first["status"], first["runtemplate_id"]) == ("success", template.pk)
    assert (template.active, template.interv, template.name) == (True, "n", "Echo")
    assert cli("companyapp", "assign", *pair).json["status"] == "ok"
    assert RunTemplate.objects.count() == 1
    assert [row["id"] for row in cli("company-app:list", "--company", "acme", "-f", "json").json] == [template.pk]
    assert cli("company-app:list", "--company", "nobody", "-f", "json").json == []
    gone = cli("company-app:unassign", *pair).json
    assert gone["removed_runtemplates"] == [template.pk]
    assert cli("company-app:unassign", *pair).json["status"] == "ok"
    assert not RunTemplate.objects.exists()


def test_an_assignment_without_run_template_is_listed(cli: Cli, template: RunTemplate) -> None:
    cli("run-template:delete", template.pk)
    (row,) = cli("company-app:list", "-f", "json").json
    assert (row["id"], row["company_slug"], row["app_name"]) == (None, "acme", "Echo")


def test_unassign_keeps_history_and_refuses_what_is_scheduled(cli: Cli, template: RunTemplate) -> None:
    pair = ["--company", "acme", "--app", "echo"]
    cli("run-template:update", template.pk, "--interv", "daily")
    assert cli("company-app:unassign", *pair).code == 1
    cli("run-template:update", template.pk, "--active", "0")
    template.jobs.create(
        app=template.app, company=template.company, launched_by_id=1, status="success", end="2026-01-01T00:00Z"
    )
    assert cli("company-app:unassign", *pair).code == 0
    template.refresh_from_db()
    assert template.archived_at is not None
    assert cli("run-template:get", template.pk).code == 1


def test_a_disabled_application_cannot_be_assigned(cli: Cli, acme: Company, echo: Application) -> None:
    Application.objects.update(enabled=False)
    outcome = cli("company-app:assign", "--company", "acme", "--app", "echo", "-f", "json")
    assert (outcome.code, outcome.json["code"]) == (1, "application_disabled")


def test_a_prototype_is_imported_shown_and_exported(cli: Cli, reference: Path) -> None:
    file = next(reference.rglob("*.credprototype.json"))
    imported = cli("crprototype", "import-json", f"--file={file}", "-f", "json")
    assert (imported.code, imported.json["imported"]) == (0, True)
    prototype = CredentialPrototype.objects.get()
    record = cli("credential-prototype:get", "--code", prototype.code, "-f", "json").json
    assert record["id"] == imported.json["credential_prototype_id"]
    assert isinstance(record["version"], str)
    assert record["fields"]
    exported = json.loads(cli("credential-prototype:export-json", prototype.code).out)
    assert exported["code"] == prototype.code
    assert cli("credential-prototype:import-json", file, "-f", "json").json["result"] == "unchanged"


def test_real_definitions_import_twice(cli: Cli, reference: Path) -> None:
    files = sorted((reference / "apps").rglob("*.app.json"))[:25]
    for file in files:
        first = cli("application:import-json", file, "-f", "json")
        second = cli("application:import-json", file, "-f", "json")
        if first.code == 0:
            assert second.json["result"] == "unchanged", file
            assert first.json["id"] == second.json["id"]
    assert Application.objects.count() > 10


def test_the_applications_of_other_projects_are_the_same_the_second_time(cli: Cli, reference: Path) -> None:
    refused = set()
    for path in sorted((reference / "apps").glob("*/*.app.json")):
        done = cli("application:import-json", path, path, "-f", "json")
        first, second = done.json
        if first["result"] == "rejected":
            refused.add(path.name)
            assert (done.code, second["result"]) == (1, "rejected")
            continue
        assert (done.code, second["result"]) == (0, "unchanged"), path
        assert (second["application_id"], second["imported"]["uuid"]) == (
            first["application_id"],
            first["imported"]["uuid"],
        )
    # One is no JSON, and known keys of the other have wrong types.
    assert refused == {"test.invalid.multiflexi.app.json", "test.schema-invalid.multiflexi.app.json"}
