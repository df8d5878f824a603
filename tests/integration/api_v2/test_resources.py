"""Companies, credentials, definitions, accounts and the rest: each once through its life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from multiflexi.models import Application, Company, CompanyUser, Credential, User
from tests.http import bearer
from tests.integration.api_v2.conftest import Caller, World
from tests.integration.services.bank import TOKEN, make_type

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]
MANIFEST = {
    "$schema": "https://raw.githubusercontent.com/VitexSoftware/php-vitexsoftware-multiflexi-core/main/multiflexi.app.schema.json",
    "uuid": "55555555-5555-4555-8555-555555555555",
    "name": "Imported",
    "description": "By the API",
    "executable": "/bin/echo",
    "environment": {"GREETING": {"type": "string", "description": "What to say", "defval": "hello", "required": False}},
}


def test_companies(root_asks: Caller, alice_asks: Caller) -> None:
    made = root_asks.post("companies", {"name": "Initech", "timezone": "Europe/Prague", "settings": {"a": 1}})
    company = made.json()
    assert (made.status_code, company["slug"], company["settings"]) == (201, "initech", {"a": 1})
    again = root_asks.post("companies", {"name": "Initech"})
    assert (again.status_code, again.json()["code"]) == (409, "company_exists")
    assert alice_asks.get(f"companies/{company['id']}").status_code == 404
    assert root_asks.get(f"companies/{company['id']}/stats").json()["jobs"]["failed"] == 0
    assert root_asks.delete(f"companies/{company['id']}").status_code == 204


def test_a_company_with_dependants_goes_only_with_them(root_asks: Caller, alice_asks: Caller, world: World) -> None:
    one = f"companies/{world.ids['company']}"
    assert alice_asks.get(f"{one}/stats").json()["failed"] == 1
    refused = root_asks.delete(one)
    assert (refused.status_code, refused.json()["details"]["dependants"]["jobs"]) == (409, 2)
    assert refused.json()["detail"].endswith("cascade=true deletes them, too.")
    assert "--cascade" not in refused.json()["detail"]
    assert root_asks.delete(f"{one}?cascade=true").status_code == 204
    assert not Company.objects.exists()


def test_variables_of_a_company(alice_asks: Caller, bob_asks: Caller, world: World) -> None:
    environment = f"companies/{world.ids['company']}/environment"
    rows = {one["key"]: one for one in bob_asks.get(environment).json()}
    assert rows["REGION"] == {"key": "REGION", "secret": False, "value": "cz"}
    assert rows["MAIL_PASSWORD"]["value"]["set"] is True
    assert b"pa55word" not in bob_asks.get(environment).content
    assert bob_asks.patch(environment, {"REGION": "sk"}).status_code == 403
    changed = {one["key"]: one["value"] for one in alice_asks.patch(environment, {"REGION": None, "NEW": "1"}).json()}
    assert set(changed) == {"MAIL_PASSWORD", "NEW"}
    assert alice_asks.put(f"{environment}/OTHER", {"value": "x", "secret": True}).status_code == 200
    assert alice_asks.delete(f"{environment}/OTHER").status_code == 204
    assert alice_asks.delete(f"{environment}/OTHER").status_code == 404
    assert alice_asks.patch(environment, {"MULTIFLEXI_X": "1"}).status_code == 422


def test_members_and_applications_of_a_company(alice_asks: Caller, world: World, carol: User) -> None:
    one = f"companies/{world.ids['company']}"
    added = alice_asks.post(f"{one}/members", {"user": "carol", "role": "manager"})
    assert (added.status_code, added.json()["role"]) == (201, "manager")
    assert alice_asks.put(f"{one}/members/{carol.pk}", {"role": "viewer"}).json()["role"] == "viewer"
    assert {row["login"] for row in alice_asks.get(f"{one}/members").json()["results"]} == {"alice", "carol"}
    assert alice_asks.delete(f"{one}/members/{carol.pk}").status_code == 204
    assert alice_asks.delete(f"{one}/members/{carol.pk}").status_code == 404
    other = Application.objects.create(uuid="66666666-6666-4666-8666-666666666666", code="o", name="O", executable="/o")
    assert alice_asks.put(f"{one}/apps/{other.pk}", None).status_code == 201
    assert alice_asks.put(f"{one}/apps/{other.pk}", None).status_code == 200
    assert [row["app"]["name"] for row in alice_asks.get(f"{one}/apps").json()] == ["O", "Probe"]
    assert alice_asks.delete(f"{one}/apps/{other.pk}").status_code == 204
    for name in ("runtemplates", "jobs", "credentials"):
        assert alice_asks.get(f"{one}/{name}").json()["results"]


def test_a_membership_is_prolonged_by_nobody_who_has_a_shorter_one(
    alice_asks: Caller, world: World, alice: User, bob: User
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    CompanyUser.objects.filter(user=alice).update(expires_at=soon)
    members = f"companies/{world.ids['company']}/members"
    for user in (alice, bob):
        for end in (None, (soon + timedelta(minutes=1)).isoformat()):
            answer = alice_asks.put(f"{members}/{user.pk}", {"role": "admin", "expires_at": end})
            assert (answer.status_code, answer.json()["code"]) == (403, "longer_than_own"), (user, end)
    assert alice_asks.put(f"{members}/{bob.pk}", {"role": "manager", "expires_at": soon.isoformat()}).status_code == 200


def test_a_name_that_is_taken_tells_nothing_of_a_foreign_company(
    alice_asks: Caller, root_asks: Caller, acme: Company, globex: Company
) -> None:
    answer = alice_asks.patch(f"companies/{acme.pk}", {"name": "Globex"})
    assert (answer.status_code, answer.json()["details"]) == (409, {"field": "name"})
    assert f"id {globex.pk}" not in answer.json()["detail"]
    assert root_asks.post("companies", {"name": "Globex"}).json()["details"]["id"] == globex.pk


def test_secrets_of_credentials_go_in_and_never_come_out(alice_asks: Caller, bob_asks: Caller, acme: Company) -> None:
    kind = make_type(acme)
    body: dict[str, Any] = {"company_id": acme.pk, "credential_type_id": kind.pk, "name": "Bank"}
    lacking = alice_asks.post("credentials", body | {"set_values": {"ACCOUNT": "1"}})
    assert (lacking.status_code, lacking.json()["code"]) == (422, "required_field_missing")
    made = alice_asks.post("credentials", body | {"set_values": {"BANK_TOKEN": TOKEN, "ACCOUNT": "1"}})
    one = f"credentials/{made.json()['id']}"
    shown = made.json()["values"]
    assert (made.status_code, shown["ACCOUNT"], shown["BANK_TOKEN"]["set"]) == (201, "1", True)
    assert shown["BANK_TOKEN"]["updated_at"] and len(shown["BANK_TOKEN"]["fingerprint"]) == 8
    assert TOKEN.encode() not in made.content + bob_asks.get(one).content + bob_asks.get("credentials").content
    assert bob_asks.patch(one, {"name": "Mine"}).status_code == 403
    assert alice_asks.patch(one, {"set_values": {"BANK_TOKEN": ""}}).status_code == 422
    changed = alice_asks.patch(one, {"set_values": {"BANK_TOKEN": "another-secret"}}).json()
    assert changed["values"]["BANK_TOKEN"]["fingerprint"] != shown["BANK_TOKEN"]["fingerprint"]
    assert changed["version"] == 2
    assert alice_asks.patch(one, {"set_values": {"NOPE": "1"}}).json()["errors"][0]["pointer"] == "/set_values/NOPE"
    assert alice_asks.patch(one, {"set_expires": {"BANK_TOKEN": "2999-01-01T00:00:00Z"}}).json()["expires"]
    assert alice_asks.delete(one).status_code == 204


def test_members_that_only_show_the_values_of_a_credential_are_not_taken_in_silence(
    alice_asks: Caller, world: World, acme: Company
) -> None:
    one = f"credentials/{world.ids['credentials']}"
    before = alice_asks.get(one).json()
    refused = alice_asks.patch(one, {"values": {"ACCOUNT": "1"}, "expires": {}})
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/values", "/expires"}
    assert "set_values" in refused.json()["detail"]
    new = {"company_id": acme.pk, "credential_type_id": before["credential_type_id"], "values": {"ACCOUNT": "1"}}
    assert alice_asks.post("credentials", new).status_code == 422
    assert alice_asks.put(one, before).status_code == 200


def test_an_error_points_to_the_member_that_was_sent(alice_asks: Caller, root_asks: Caller) -> None:
    over = alice_asks.post("tokens", {"name": "t", "expires_at": "2001-01-01T00:00:00Z"})
    assert [error["pointer"] for error in over.json()["errors"]] == ["/expires_at"]
    weak = root_asks.post("users", {"login": "new", "email": "new@example.org", "password": "123"})
    assert [error["pointer"] for error in weak.json()["errors"]] == ["/password"]


def test_a_credential_in_use_goes_by_force(alice_asks: Caller, world: World) -> None:
    one = f"credentials/{world.ids['credential']}"
    refused = alice_asks.delete(one)
    assert (refused.status_code, refused.json()["code"]) == (409, "credential_in_use")
    assert alice_asks.delete(f"{one}?force=true").status_code == 204
    assert not Credential.objects.exists()


def test_credential_types(alice_asks: Caller, world: World, acme: Company) -> None:
    body = {"company_id": acme.pk, "credential_prototype_id": world.ids["credential-prototypes"], "name": "Second"}
    made = alice_asks.post("credential-types", body | {"set_values": {"SAFE_PASSWORD": "word-of-the-safe"}})
    one = f"credential-types/{made.json()['id']}"
    fields = {row["keyword"]: row for row in made.json()["fields"]}
    assert (made.status_code, fields["SAFE_PASSWORD"]["value"]["set"]) == (201, True)
    assert b"word-of" not in made.content
    assert alice_asks.patch(one, {"name": "Third"}).json()["name"] == "Third"
    assert alice_asks.delete(one).status_code == 204
    assert alice_asks.delete(f"credential-types/{world.ids['credential-types']}").status_code == 409


def test_definitions(root_asks: Caller, alice_asks: Caller) -> None:
    assert alice_asks.post("apps/import", MANIFEST).status_code == 403
    tried = root_asks.post("apps/import?dry_run=true", MANIFEST)
    assert (tried.status_code, tried.json()["result"], tried.json()["dry_run"]) == (200, "created", True)
    made = root_asks.post("apps/import", MANIFEST)
    assert (made.status_code, made.json()["result"]) == (201, "created")
    assert root_asks.post("apps/import", MANIFEST).json()["result"] == "unchanged"
    assert root_asks.post("apps/import", {"name": "x"}).status_code == 422
    exported = alice_asks.get(f"apps/{made.json()['id']}/export")
    assert exported.json()["name"] == "Imported"
    assert alice_asks.post("apps/validate", exported.json()).json()["valid"] is True
    assert alice_asks.post("apps/validate", {"name": "x"}).json()["valid"] is False
    logo = alice_asks.get(f"apps/{made.json()['id']}/logo")
    assert logo["Content-Type"] == "image/svg+xml"
    (field,) = alice_asks.get(f"apps/{made.json()['id']}/environment").json()
    assert (field["keyname"], field["default"]) == ("GREETING", "hello")
    assert root_asks.delete(f"apps/{made.json()['id']}").status_code == 204


def test_applications(root_asks: Caller, alice_asks: Caller, world: World) -> None:
    made = root_asks.post("apps", {"name": "New", "executable": "/bin/new", "tags": ["a", "b"]})
    assert (made.status_code, made.json()["tags"]) == (201, ["a", "b"])
    one = f"apps/{made.json()['id']}"
    assert alice_asks.patch(one, {"enabled": False}).json()["enabled"] is False
    assert alice_asks.post("apps", {"name": "N", "executable": "/n"}).status_code == 403
    assert root_asks.delete(f"apps/{world.ids['app']}").status_code == 409


def test_which_program_runs_is_no_matter_of_one_company(
    root_asks: Caller, alice_asks: Caller, world: World, app: Application
) -> None:
    for change in ({"executable": "/tmp/x"}, {"cmdparams": "--to x"}, {"setup": "x"}, {"ociimage": "x"}):
        assert alice_asks.patch(f"apps/{app.pk}", change).status_code == 403, change
    same = {"executable": app.executable, "sandbox": app.sandbox, "description": "told better"}
    assert alice_asks.patch(f"apps/{app.pk}", same).json()["description"] == "told better"
    assert root_asks.patch(f"apps/{app.pk}", {"cmdparams": "--to x"}).json()["cmdparams"] == "--to x"


def test_topics_and_tags(alice_asks: Caller, bob_asks: Caller, world: World) -> None:
    made = alice_asks.post("topics", {"name": "Night", "color": "#102030"})
    assert made.status_code == 201
    assert alice_asks.patch(f"topics/{made.json()['id']}", {"color": "blue"}).status_code == 422
    assert bob_asks.delete(f"topics/{made.json()['id']}").status_code == 403
    assert alice_asks.delete(f"topics/{made.json()['id']}").status_code == 204
    assert alice_asks.get("tags").json() == [{"name": "bank", "apps": 1}]
    assert alice_asks.put("tags/bank", {"name": "banks"}).json() == [{"name": "banks", "apps": 1}]
    assert alice_asks.delete("tags/banks").status_code == 204
    assert alice_asks.delete("tags/banks").status_code == 404


def test_limits_and_tasks(alice_asks: Caller, world: World) -> None:
    one = f"limits/{world.ids['limits']}"
    assert alice_asks.get(one).json()["apps"] == [world.ids["app"]]
    assert alice_asks.patch(one, {"maximum": 3, "apps": []}).json()["apps"] == []
    assert alice_asks.post("limits", {"name": "All", "maximum": 1}).status_code == 403
    report = alice_asks.get("tasks/report").json()
    assert (report["total"]["total"], report["runtemplates"][0]["runtemplate_name"]) == (1, "Probe ACME")
    assert alice_asks.get("tasks/report?start=x").status_code == 400
    assert alice_asks.get("tasks/report?end=0001-01-01").json()["total"]["total"] == 0


def test_tokens(client: Client, alice_asks: Caller, root_asks: Caller, bob: User) -> None:
    made = alice_asks.post("tokens", {"name": "CI", "scopes": ["read"]})
    value = made.json()["token"]
    assert made.status_code == 201 and value.startswith("mfx_")
    assert value.encode() not in alice_asks.get("tokens").content
    robot = Caller(client, bearer(value))
    assert robot.get("me").json()["scopes"] == ["read"]
    assert alice_asks.delete(f"tokens/{made.json()['id']}").status_code == 204
    assert robot.get("me").status_code == 401
    assert alice_asks.post("tokens", {"scopes": ["everything"]}).status_code == 422
    assert alice_asks.get(f"tokens?user={bob.pk}").status_code in (403, 404)
    assert root_asks.post("tokens", {"user_id": bob.pk}).status_code == 201
    assert root_asks.get(f"tokens?user={bob.pk}").json()["count"] == 1


def test_accounts(root_asks: Caller, alice_asks: Caller, alice: User) -> None:
    body = {"login": "dave", "email": "dave@example.org", "password": "correct horse battery staple"}
    made = root_asks.post("users", body)
    assert made.status_code == 201
    assert b"horse" not in made.content and "password" not in made.json()
    one = f"users/{made.json()['id']}"
    assert root_asks.post("users", body).status_code == 409
    assert root_asks.post("users", body | {"login": "eve", "password": "short"}).status_code == 422
    assert [row["name"] for row in root_asks.post(f"{one}/roles", {"roles": ["viewer"]}).json()] == ["viewer"]
    assert root_asks.patch(one, {"enabled": False}).json()["enabled"] is False
    assert alice_asks.get("users").status_code == 403
    assert alice_asks.get(f"users/{alice.pk}/roles").json()[0]["name"] == "editor"
    assert root_asks.delete(one).status_code == 204
    assert any(row["name"] == "jobs.create" for row in alice_asks.get("permissions").json())
    assert root_asks.get("roles").json()["count"] >= 5


def test_oneself(alice_asks: Caller, acme: Company) -> None:
    me = alice_asks.get("me").json()
    assert (me["login"], me["roles"], me["scopes"]) == ("alice", ["editor"], None)
    assert me["companies"] == [{"id": acme.pk, "name": "ACME", "slug": "acme", "role": "admin"}]
    assert "jobs.execute" in me["actions"] and "jobs.delete" not in me["actions"]


def test_status(client: Client, alice_asks: Caller, root_asks: Caller, world: World) -> None:
    public = Caller(client, {}).get("status").json()
    assert (public["companies"], public["daemons"]["executor"]) == (1, "stopped")
    assert "details" not in public and "details" not in alice_asks.get("status").json()
    assert root_asks.get("status").json()["details"]["queue_length"] == 1
    assert client.get("/api/v2/health/live").json() == {"status": "ok"}
    assert client.get("/api/v2/health/ready").status_code == 200


def test_metrics(client: Client, alice_asks: Caller, root_asks: Caller, world: World, settings: Any) -> None:
    text = root_asks.get("metrics")
    assert text["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = text.content.decode().splitlines()
    assert 'multiflexi_jobs_live{status="pending"} 1' in lines
    assert "multiflexi_queue_waiting 1" in lines
    assert all(line.startswith(("# ", "multiflexi_")) for line in lines)
    assert alice_asks.get("metrics").status_code == 403
    assert Caller(client, {}).get("metrics").status_code == 401
    settings.MULTIFLEXI_METRICS_NETWORKS = ["127.0.0.0/8"]
    assert Caller(client, {}).get("metrics").status_code == 200


def test_events_sources_and_rules(root_asks: Caller, alice_asks: Caller, world: World) -> None:
    body = {"name": "Second", "db_password": "word-of-the-source", "db_host": "localhost"}
    assert alice_asks.post("event-sources", body).status_code == 403
    made = root_asks.post("event-sources", body)
    one = f"event-sources/{made.json()['id']}"
    assert (made.status_code, made.json()["password"]["set"]) == (201, True)
    assert b"word-of" not in made.content
    assert root_asks.patch(one, {"last_processed_id": 5}).json()["last_processed_id"] == 0
    assert root_asks.post(f"{one}/rewind", {"last_processed_id": 5}).json()["last_processed_id"] == 5
    rule = {"event_source_id": made.json()["id"], "runtemplate_id": world.ids["runtemplates"], "evidence": "invoice"}
    rules = alice_asks.post("event-rules", rule | {"env_mapping": {"TARGET": "recordid"}})
    assert (rules.status_code, rules.json()["env_mapping"]) == (201, {"TARGET": "recordid"})
    assert alice_asks.patch(f"event-rules/{rules.json()['id']}", {"enabled": False}).json()["enabled"] is False
    assert alice_asks.delete(f"event-rules/{rules.json()['id']}").status_code == 204
    assert root_asks.delete(one).status_code == 204


def test_executors_and_workers(alice_asks: Caller, root_asks: Caller, world: World) -> None:
    names = {row["name"] for row in alice_asks.get("executors").json()}
    assert "Native" in names
    assert alice_asks.get("executors/Native/check").status_code == 403
    assert root_asks.get("executors/Nothing/check").status_code == 404
    assert alice_asks.get("workers").json()["results"] == []
    one = f"workers/{world.ids['workers']}"
    assert root_asks.post(f"{one}/drain").json()["desired_state"] == "draining"
    assert root_asks.post(f"{one}/resume").json()["desired_state"] == "running"


def test_audit_log(alice_asks: Caller, bob_asks: Caller, carol_asks: Caller, root_asks: Caller, world: World) -> None:
    bob_asks.post(f"jobs/{world.ids['waiting']}/cancel")
    (denied,) = alice_asks.get("audit-log?event_type=access_denied").json()["results"]
    assert (denied["outcome"], denied["additional_data"]["method"]) == ("denied", "POST")
    assert bob_asks.get(f"audit-log/{denied['id']}").status_code == 200
    assert carol_asks.get("audit-log").json()["results"] == []
    assert carol_asks.get(f"audit-log/{denied['id']}").status_code == 404
    assert root_asks.get(f"audit-log?user__in=0,{denied['user_id']}&severity=medium").json()["results"]


def test_log(alice_asks: Caller, carol_asks: Caller, root_asks: Caller, world: World) -> None:
    (entry,) = alice_asks.get("logs").json()["results"]
    assert (entry["message"], entry["company_id"]) == ("hello", world.ids["company"])
    assert carol_asks.get("logs").json()["results"] == []
    assert root_asks.get("logs?search=HELL").json()["results"]
