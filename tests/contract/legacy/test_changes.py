"""Creating, changing and deleting through the legacy surface."""

from __future__ import annotations

from typing import Any

import pytest

from multiflexi.models import (
    Application,
    Company,
    CompanyUser,
    Credential,
    EventRule,
    EventSource,
    Job,
    RunTemplate,
    Topic,
    User,
    UserRole,
)
from multiflexi.vault import envelope
from tests.contract.legacy.world import SECRETS, Asker, World, told
from tests.http import a_token, bearer


def test_a_run_template_is_switched_off(world: World, as_alice: Asker) -> None:
    number = world.acme.template.pk
    path = f"/runtemplate/{number}.json"
    answer = as_alice.post(path, {"id": str(number), "active": 0})
    assert answer.status_code == 201
    assert told(answer)["active"] is False
    for received, shown in ((number + 1, number + 1), ("x", None), (None, None)):
        answer = as_alice.post(path, {"id": received, "active": 1})
        assert answer.status_code == 400
        assert told(answer)["error"] == "ID mismatch"
        assert (told(answer)["expected"], told(answer)["received"]) == (number, shown)
    answer = as_alice("PUT", path, {"active": "1", "interv": "d", "note": "ž"})
    assert answer.status_code == 200
    changed = told(answer)
    assert (changed["active"], changed["interv"], changed["note"]) == (True, "d", "ž")
    assert changed["next_schedule"]
    assert changed["success"] is changed["fail"] is None


def test_read_only_members_are_left_alone(world: World, as_alice: Asker) -> None:
    number = world.acme.template.pk
    body = {
        "id": number,
        "company_id": world.globex.company.pk,
        "app_id": 1,
        "failed_jobs_count": 99,
        "last_schedule": "x",
    }
    assert as_alice.post(f"/runtemplate/{number}.json", body).status_code == 201
    stored = RunTemplate.objects.get(pk=number)
    assert (stored.company_id, stored.failed_jobs_count) == (world.acme.company.pk, 0)


def test_old_and_new_names_of_retries(world: World, as_alice: Asker) -> None:
    path = f"/runtemplate/{world.acme.template.pk}.json"
    body = {"id": world.acme.template.pk, "max_attempts": "3", "retry_min_gap": 60, "retry_on_exit_codes": [1, 75]}
    found = told(as_alice.post(path, body))
    assert (found["max_retries"], found["retry_delay"], found["retry_on_exit_codes"]) == (2, 60, [1, 75])
    assert as_alice.post(path, {"id": world.acme.template.pk, "max_attempts": "x"}).status_code == 400


def test_a_run_template_is_made_by_words(world: World, as_alice: Asker) -> None:
    body = {"name": "Daily import", "interval": "daily", "app_id": world.app.pk, "company_id": world.acme.company.pk}
    for path in ("/runtemplates.json", "/runtemplate", "/runtemplate/"):
        answer = as_alice.post(path, body)
        assert answer.status_code == 201, answer.content
        assert told(answer)["interv"] == "d" and told(answer)["active"] is True and told(answer)["missing"] == []
    for name, word in {"interval": "sometimes", "app_id": 9999, "company_id": world.globex.company.pk}.items():
        answer = as_alice.post("/runtemplates.json", {**body, name: word})
        assert answer.status_code == (400 if name == "interval" else 404)
    number = told(as_alice.post("/runtemplates.json", body))["id"]
    assert told(as_alice.post(f"/runtemplate?runTemplateId={number}", {"note": "by address"}))["note"] == "by address"
    assert as_alice("DELETE", f"/runtemplate/{number}.json").status_code == 200
    assert as_alice.get(f"/runtemplate/{number}.json").status_code == 404


def test_several_run_templates_at_once(world: World, as_alice: Asker) -> None:
    mine, foreign = world.acme.template.pk, world.globex.template.pk
    body: dict[str, Any] = {"runtemplate_ids": [mine, foreign], "config_key": "ACCOUNT", "config_value": "77"}
    found = told(as_alice.post("/runtemplates/bulk-reconfigure", body))
    assert (found["success"], found["updated"], len(found["errors"])) == (True, 1, 1)
    assert as_alice.post("/runtemplates/bulk-reconfigure", {**body, "runtemplate_ids": [foreign]}).status_code == 400
    found = told(as_alice.post("/runtemplates/bulk-execute", {"runtemplate_ids": [mine], "when": "now"}))
    assert found["scheduled"] == 1
    assert Job.objects.get(pk=found["job_ids"][0]).schedule_type == "adhoc-api"
    assert as_alice.post("/runtemplates/bulk-execute", {"runtemplate_ids": []}).status_code == 400


def test_companies(world: World, as_root: Asker, root: User) -> None:
    answer = as_root.post("/company/", {"name": "Nová", "code": "nova", "ic": 123})
    assert answer.status_code == 201
    found = told(answer)
    assert (found["enabled"], found["code"], found["slug"], found["ic"]) == (True, "nova", "nova", "123")
    assert CompanyUser.objects.get(company=found["id"]).user == root
    assert as_root.post("/company/", {"name": "Nová"}).status_code == 409
    assert as_root.post("/company/", {}).status_code == 400
    assert as_root.post("/company/?name=Query").status_code == 201
    answer = as_root.post(f"/company/?companyId={found['id']}", {"enabled": "0"})
    assert answer.status_code == 201 and told(answer)["enabled"] is False
    assert told(as_root.post(f"/company/{found['id']}.json", {"email": "a@example.org"}))["email"] == "a@example.org"
    assert as_root("PATCH", f"/company/{found['id']}.json", {"ic": ""}).status_code == 200
    assert told(as_root("DELETE", f"/company/{found['id']}.json")) == {"success": True, "id": found["id"]}
    assert not Company.objects.filter(pk=found["id"]).exists()
    assert as_root("DELETE", f"/company/{world.acme.company.pk}.json").status_code == 409


def test_members(world: World, as_root: Asker, as_alice: Asker, as_bob: Asker, bob: User, carol: User) -> None:
    base = f"/company/{world.acme.company.pk}"
    found = {row["user_id"]: row for row in as_alice.json(f"{base}/users.json")}
    assert found[bob.pk]["role"] == "viewer" and found[bob.pk]["user"]["login"] == "bob"
    assert "password" not in found[bob.pk]["user"]
    # Numbers can be counted up: one of somebody she does not know is answered like one of nobody.
    unknown, unrelated = (as_alice.post(f"{base}/user/", {"user_id": number}) for number in (9999, carol.pk))
    assert unrelated.status_code == unknown.status_code == 404
    assert told(unrelated)["error"] == told(unknown)["error"].replace("9999", str(carol.pk)) != "User not found"
    assert told(as_root.post(f"{base}/user/", {"user_id": 9999}))["error"] == "User not found"
    answer = as_alice.post(f"{base}/user/", {"login": "carol"})
    assert answer.status_code == 201 and told(answer)["role"] == "viewer"
    assert told(as_alice.post(f"{base}/user", {"user_id": carol.pk, "role": "manager"}))["role"] == "manager"
    assert told(as_alice.post(f"{base}/user/", {}))["error"] == "user_id is required"
    assert as_alice.post(f"{base}/user/", {"user_id": carol.pk, "role": "king"}).status_code == 400
    assert as_bob.post(f"{base}/user/", {"user_id": carol.pk}).status_code == 403
    for deleted in (1, 0):
        answer = as_alice("DELETE", f"{base}/user/{carol.pk}")
        assert told(answer) == {
            "success": True, "company_id": world.acme.company.pk, "user_id": carol.pk, "deleted": deleted
        }  # fmt: skip


def test_users_and_roles(world: World, as_root: Asker) -> None:
    body = {"login": "dora", "email": "dora@example.org", "password": "correct horse battery"}
    answer = as_root.post("/user/", body)
    assert answer.status_code == 201, answer.content
    number = told(answer)["id"]
    assert User.objects.get(pk=number).check_password("correct horse battery")
    assert "password" not in told(answer)
    assert as_root.post("/user/", body).status_code == 409
    answer = as_root.post("/user/?login=eva&email=e%40example.org&password=correct-horse-battery")
    assert answer.status_code == 400 and "password" in told(answer)["errors"]
    answer = as_root.post(f"/user/{number}/roles/", {"roles": ["viewer", "editor"], "assigned_by": 1})
    assert told(answer)["roles"] == ["editor", "viewer"] and len(told(answer)["role_details"]) == 2
    assert [row["name"] for row in as_root.json(f"/user/{number}/roles.json")] == ["editor", "viewer"]
    answer = as_root.post(f"/user/{number}/roles/?replace=false", {"roles": ["user"]})
    assert told(answer)["roles"] == ["editor", "user", "viewer"]
    answer = as_root.post(f"/user/{number}/roles/", {"roles": ["kings", "queens"]})
    assert answer.status_code == 400 and told(answer)["error"].startswith("Unknown role(s): kings, queens")
    assert told(as_root.post(f"/user/{number}/roles", {"roles": []}))["roles"] == []
    assert not UserRole.objects.filter(user=number).exists()
    assert as_root("PUT", f"/user/{number}.json", {"firstname": "Dora", "password": ""}).status_code == 200
    assert as_root("DELETE", f"/user/{number}.json").status_code == 200


def test_applications(world: World, as_root: Asker) -> None:
    answer = as_root.post("/app/", {"name": "Probe", "executable": "/bin/true", "tags": "a,b", "uuid": "no uuid"})
    assert answer.status_code == 201, answer.content
    made = told(answer)
    assert made["enabled"] is True and made["tags"] == made["topics"] == "a,b"
    assert as_root.post("/app/", {"name": "Probe", "executable": "/bin/true", "uuid": "no uuid"}).status_code == 409
    assert told(as_root.post(f"/app/?appId={made['id']}", {"enabled": 0}))["enabled"] is False
    assert as_root("PATCH", f"/app/{made['id']}.json", {"homepage": "https://example.org"}).status_code == 200
    assert as_root("DELETE", f"/app/{made['id']}.json").status_code == 200
    assert not Application.objects.filter(pk=made["id"]).exists()
    assert as_root("DELETE", f"/app/{world.app.pk}.json").status_code == 409
    answer = as_root.post("/apps.json", {"name": ["x"], "executable": "x"})
    assert answer.status_code == 400 and list(told(answer)["errors"]) == ["name"]


def test_credentials_keep_their_secrets(world: World, as_alice: Asker) -> None:
    number = world.acme.ids["credential"]
    path = f"/credential/{number}.json"
    shown = as_alice.json(path)
    assert shown["BANK_TOKEN"] == shown["fields"]["BANK_TOKEN"] == "••••••••"
    assert shown["ACCOUNT"] == "12/0100" and shown["type"] is None
    before = Credential.objects.get(pk=number).values.get(name="BANK_TOKEN").value
    for body in (
        {"BANK_TOKEN": "••••••••", "name": "New"},
        {"BANK_TOKEN": "", "ACCOUNT": "13"},
        {"fields": shown["fields"]},
    ):
        answer = as_alice.post(f"{path}?token=", body)
        assert answer.status_code == 201, answer.content
    assert Credential.objects.get(pk=number).values.get(name="BANK_TOKEN").value == before
    assert told(answer)["name"] == "New" and told(answer)["ACCOUNT"] == "12/0100"
    assert as_alice.post(path, {"BANK_TOKEN": "another-token"}).status_code == 201
    assert Credential.objects.get(pk=number).values.get(name="BANK_TOKEN").value != before
    answer = as_alice.post(path, {"nonsense": "1"})
    assert answer.status_code == 400 and "nonsense" in told(answer)["errors"]
    answer = as_alice.post(f"{path}?BANK_TOKEN=in-the-address", {})
    assert answer.status_code == 400 and "in-the-address" not in answer.content.decode()
    foreign = {"company_id": world.globex.company.pk, "credential_type_id": world.acme.ids["credential_type"]}
    assert as_alice.post("/credential/", foreign).status_code == 404
    mine = {"company_id": world.acme.company.pk, "credential_type_id": world.acme.ids["credential_type"], "name": "Two"}
    made = told(as_alice.post("/credential/", {**mine, "ACCOUNT": "1"}))
    assert made["fields"]["BANK_TOKEN"] == "(not set)"
    assert as_alice("DELETE", f"/credential/{made['id']}.json").status_code == 200


def test_credential_types(world: World, as_alice: Asker, as_bob: Asker) -> None:
    number = world.acme.ids["credential_type"]
    answer = as_alice.post(f"/credential_type/{number}.json", {"name": "Renamed", "url": "https://example.org"})
    assert answer.status_code == 201 and told(answer)["name"] == "Renamed"
    answer = as_alice.post(
        "/credential_type/", {"prototype": "Bank", "company_id": world.acme.company.pk, "name": "Third"}
    )
    assert answer.status_code == 201
    assert as_alice("DELETE", f"/credential_type/{told(answer)['id']}.json").status_code == 200
    assert as_alice("DELETE", f"/credential_type/{number}.json").status_code == 409
    assert as_alice.post("/credential_type/", {"prototype": "Bank", "name": "For all"}).status_code == 403


def test_topics(world: World, as_alice: Asker) -> None:
    number = world.acme.ids["topic"]
    assert told(as_alice.post(f"/topic/{number}.json", {"name": "Žlutá", "color": "#FFFF00"}))["color"] == "#FFFF00"
    for color in ("yellow", "#fff", "#12345g"):
        answer = as_alice.post(f"/topic/{number}.json", {"color": color})
        assert answer.status_code == 400 and list(told(answer)["errors"]) == ["color"]
    assert as_alice.post("/topic/", {"name": "Žlutá"}).status_code == 409
    made = told(as_alice.post("/topic/", {"name": "Modrá", "description": "taken"}))
    assert as_alice("DELETE", f"/topic/{made['id']}.json").status_code == 200
    assert not Topic.objects.filter(pk=made["id"]).exists()


def test_an_event_source_keeps_its_place(world: World, as_root: Asker) -> None:
    number = world.acme.ids["eventsource"]
    EventSource.objects.filter(pk=number).update(last_processed_id=4711)
    as_sdk_sends = {
        "id": number, "name": "Source acme", "db_connection": "mysql", "db_host": "localhost", "db_port": "3306",
        "poll_interval": 60, "enabled": True, "last_processed_id": 0, "modified": None,
        "created": "2026-01-01T00:00:00", "db_password": "••••••••",
    }  # fmt: skip
    answer = as_root.post(f"/eventsource/?eventSourceId={number}", as_sdk_sends)
    assert answer.status_code == 201, answer.content
    stored = EventSource.objects.get(pk=number)
    assert stored.last_processed_id == 4711
    assert stored.db_password is not None
    opened = envelope.open_sealed(stored.db_password, table="event_source", field="db_password", record=number)
    assert opened == SECRETS[0]
    assert told(answer)["db_password"] == "••••••••" and told(answer)["db_port"] == "3306"
    assert as_root.post("/eventsource/", {"name": "Source acme"}).status_code == 409
    assert as_root.post("/eventsource/", {"name": "New", "db_port": "99999"}).status_code == 400
    assert as_root.post("/eventsource/?db_password=x", {"name": "New"}).status_code == 400
    made = told(as_root.post("/eventsource/", {"name": "New"}))
    assert made["db_password"] == "(not set)" and made["adapter_type"] == "abraflexi-webhook"
    assert told(as_root("DELETE", f"/eventsource/{made['id']}.json"))["success"] is True


def test_an_event_source_is_not_reached_on_this_host(world: World, as_root: Asker, settings: Any) -> None:
    number = world.acme.ids["eventsource"]
    settings.MULTIFLEXI_CHECK_ALLOW = []
    EventSource.objects.filter(pk=number).update(db_host="127.0.0.1", db_username="x")
    answer = as_root.post(f"/eventsource/{number}/test.json")
    assert answer.status_code == 200
    found = told(answer)
    assert found["reachable"] is False and found["error"] == found["message"]
    assert SECRETS[0] not in answer.content.decode()


@pytest.mark.parametrize("mapping", [{"DOC": "$.recordid"}, '{"DOC": "$.recordid"}'])
def test_event_rules_as_node_red_makes_them(world: World, as_alice: Asker, mapping: Any) -> None:
    second = told(
        as_alice.post("/runtemplates.json", {"name": "2", "app_id": world.app.pk, "company_id": world.acme.company.pk})
    )["id"]
    body = {
        "source_runtemplate_id": str(world.acme.template.pk),
        "target_runtemplate_id": str(second),
        "env_mapping": mapping,
    }
    answer = as_alice.post("/eventrule/", body)
    assert answer.status_code == 201, answer.content
    made = told(answer)
    assert isinstance(made["id"], int) and made["env_mapping"] == '{"DOC": "$.recordid"}'
    assert made["mapping"] == {"DOC": "$.recordid"} and made["event_source_id"] is None
    answer = as_alice("PUT", f"/eventrule/{made['id']}.json", {**body, "env_mapping": {"DOC": "id"}})
    assert answer.status_code == 200 and told(answer)["mapping"] == {"DOC": "id"}
    assert as_alice("DELETE", f"/eventrule/{made['id']}.json").status_code == 200


def test_unusable_event_rules(world: World, as_alice: Asker) -> None:
    mine, foreign = world.acme.template.pk, world.globex.template.pk
    source = world.acme.ids["eventsource"]
    for body, status in (
        ({}, 400),
        ({"runtemplate_id": mine}, 400),
        ({"runtemplate_id": mine, "event_source_id": source, "runtemplate_source_id": mine}, 400),
        ({"runtemplate_id": mine, "runtemplate_source_id": mine}, 400),
        ({"runtemplate_id": mine, "runtemplate_source_id": foreign}, 404),
        ({"runtemplate_id": foreign, "event_source_id": source}, 404),
        ({"runtemplate_id": mine, "event_source_id": 9999}, 404),
        ({"runtemplate_id": mine, "event_source_id": source, "operation": "burn"}, 400),
        ({"runtemplate_id": mine, "event_source_id": source, "env_mapping": "["}, 400),
        ({"runtemplate_id": mine, "event_source_id": source, "env_mapping": {"LD_PRELOAD": "x"}}, 400),
        ({"runtemplate_id": mine, "event_source_id": source, "priority": 2**70}, 400),
    ):
        answer = as_alice.post("/eventrule/", body)
        assert answer.status_code == status, (body, answer.content)
    assert EventRule.objects.count() == 2


def test_audit_trail_by_role(world: World, as_root: Asker, as_alice: Asker, as_bob: Asker, as_carol: Asker) -> None:
    as_alice.post(f"/runtemplate/{world.acme.template.pk}.json", {"id": world.acme.template.pk, "note": "seen"})
    everything = as_root.json("/auditlog.json?entity_type=RunTemplate&action=update")
    assert len(everything) == 1
    assert everything[0]["additional_data"]["changes"] and "ip_address" in everything[0]
    assert len(as_alice.json("/auditlog.json?action=update")) == 1
    assert as_carol.json("/auditlog.json?action=update") == []
    assert as_bob.json("/auditlog.json") == []
    assert as_bob.get(f"/auditlog/{everything[0]['id']}.json").status_code == 404
    assert as_alice.get(f"/auditlog/{everything[0]['id']}.json").status_code == 200


def test_an_unusable_uuid_is_replaced_with_a_warning(as_root: Asker, ring: None) -> None:
    body = {"name": "Odd", "executable": "/bin/odd", "uuid": "not-a-uuid"}
    made = told(as_root.post("/app/", body))
    assert made["uuid"] in made["warnings"][0] and "not-a-uuid" in made["warnings"][0]
    assert "warnings" in told(as_root.post("/apps.json", {"name": "Other", "executable": "/bin/other"}))
    address = f"/app/{made['id']}.json"
    assert "warnings" not in told(as_root.post(address, {"homepage": "https://example.org"}))
    assert told(as_root.post(address, {"uuid": "still none"}))["warnings"]
    good = "0f1de3a4-2f3a-4a0d-9b3e-3d1a7a0f2f99"
    assert "warnings" not in told(as_root.post(address, {"uuid": good}))
    assert "warnings" not in as_root.json(address)


def test_everybody_sees_and_names_their_own_account(world: World, as_bob: Asker, bob: User, alice: User) -> None:
    own = as_bob.json(f"/user/{bob.pk}.json")
    assert (own["login"], own["two_factor_enabled"]) == ("bob", False) and "last_login_at" in own
    assert told(as_bob.post(f"/user/{bob.pk}.json", {"firstname": "Robert"}))["firstname"] == "Robert"
    assert [one["name"] for one in as_bob.json(f"/user/{bob.pk}/roles.json")] == ["viewer"]
    assert as_bob.get(f"/user/{alice.pk}.json").status_code == 403
    assert as_bob("DELETE", f"/user/{bob.pk}.json").status_code == 403
    runs = Asker(bearer(a_token(bob, scopes=["jobs:run"])))
    assert runs.get(f"/user/{bob.pk}.json").status_code == 403
    reads = Asker(bearer(a_token(bob, scopes=["read"])))
    assert reads.get(f"/user/{bob.pk}.json").status_code == 200
    assert reads.post(f"/user/{bob.pk}.json", {"firstname": "X"}).status_code == 403
