"""Requests of the programs that exist, as they send them, and what these read of the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from multiflexi.models import Application, Company, Job, Token, User
from tests.contract.legacy.world import BASE, Asker, World, told
from tests.http import a_token, basic, bearer, password_of
from tests.integration.web.pages import sign_in, with_second_factor

SDK_OLD = "OpenAPI-Generator/1.1.0/python"
SDK_NEW = "OpenAPI-Generator/1.2.0/python"


def sdk(user: User, agent: str = SDK_OLD) -> Asker:
    return Asker({**basic(user), "User-Agent": agent, "Accept": "application/json"})


def test_node_red_signs_in(world: World, alice: User) -> None:
    assert Asker(basic(alice)).get("/apps.json").status_code == 200
    assert Asker(basic("", "")).get("/apps.json").status_code == 401


def test_node_red_runs_a_template(world: World, alice: User) -> None:
    """Neither Accept nor User-Agent; values of any JSON type from a flow."""
    body = {
        "runtemplate_id": world.acme.template.pk,
        "scheduled": "now",
        "env": {"DOC": "FV-1", "N": 5, "OK": True, "E": None},
    }
    answer = Client().generic(
        "POST", f"{BASE}/job/", json.dumps(body), content_type="application/json", headers=basic(alice)
    )
    assert answer.status_code == 201
    found = json.loads(answer.content)
    assert {"job_id", "runtemplate_id", "scheduled", "executor", "schedule_type"} <= set(found)
    assert Job.objects.get(pk=found["job_id"]).overrides == {"DOC": "FV-1", "N": "5", "OK": "true", "E": ""}


def test_node_red_draws_its_map(world: World, as_alice: Asker) -> None:
    rows = as_alice.json("/runtemplate/", Accept="application/json")
    assert isinstance(rows, list)
    assert {"id", "name", "app_id", "app_name"} <= set(rows[0])
    app = as_alice.json(f"/app/{rows[0]['app_id']}.json")
    assert all(isinstance(app[name], dict) for name in ("produces", "consumes", "environment"))
    assert app["produces"]["statement"]["fields"] and app["consumes"]["account"]["target"]
    body = {"source_runtemplate_id": str(rows[0]["id"]), "env_mapping": {"DOC": "$.recordid"}}
    new = {"name": "Second", "app_id": world.app.pk, "company_id": world.acme.company.pk}
    body["target_runtemplate_id"] = str(told(as_alice.post("/runtemplates.json", new))["id"])
    drawn = as_alice.post("/eventrule/", body)
    assert drawn.status_code == 201 and isinstance(told(drawn)["id"], int)
    redrawn = as_alice("PUT", f"/eventrule/{told(drawn)['id']}.json", body | {"env_mapping": {"DOC": "id"}})
    assert redrawn.status_code == 200 and told(redrawn)["id"] == told(drawn)["id"]


@pytest.mark.parametrize("path", ["/apps.json", "/jobs.json", "/runtemplates.json"])
def test_lists_of_old_generated_clients(world: World, root: User, path: str) -> None:
    old, new, other = sdk(root).get(path), sdk(root, SDK_NEW).get(path), Asker(basic(root)).get(path)
    assert isinstance(told(old), list) and isinstance(told(new), dict) and isinstance(told(other), dict)
    for answer in (old, new, other):
        assert "User-Agent" in answer["Vary"] and "X-MultiFlexi-Compat" in answer["Vary"]
    assert isinstance(told(Asker(basic(root)).get(path, X_MultiFlexi_Compat="1.1")), list)
    assert isinstance(told(sdk(root).get(path, X_MultiFlexi_Compat="1.4")), dict)
    assert told(sdk(root).get(path, X_MultiFlexi_Compat="off")) == told(other)


def test_values_that_generated_clients_read(world: World, root: User) -> None:
    Company.objects.filter(pk=world.acme.company.pk).update(name="N" * 60, slug="s" * 30)
    Application.objects.update(tags=["x" * 200] * 3)
    for agent in (SDK_OLD, SDK_NEW):
        ask = sdk(root, agent)
        company = ask.json(f"/company/{world.acme.company.pk}.json")
        assert (len(company["name"]), len(company["code"])) == (32, 10)
        app = ask.json(f"/app/{world.app.pk}.json")
        assert app["environment"]["MAIL"]["type"] == "string" and app["environment"]["MAIL"]["field_type"] == "email"
        assert (app["exitCodes"] or {}).get("2", {}).get("severity") in (None, "error")
        assert isinstance(ask.json("/jobs/status.json"), list)
        assert len(ask.json("/credentials.json")[0]["name"]) <= 32
    job = sdk(root).json(f"/job/{world.acme.jobs['success'].pk}.json")
    assert isinstance(job["launched_by"], str) and json.loads(job["env"])["ACCOUNT"] == "1"
    assert sdk(root).json(f"/app/{world.app.pk}.json")["exitCodes"] is None
    task = sdk(root).json(f"/task/{world.acme.ids['task']}.json")
    assert isinstance(task["jobs"][0]["launched_by"], str)
    assert Asker(basic(root)).json(f"/company/{world.acme.company.pk}.json")["name"] == "N" * 60


def test_moments_of_generated_clients(world: World, root: User) -> None:
    sent = "2026-01-01T00:00:00.000000+0100"
    assert len(sdk(root).json(f"/tasks.json?from={sent.replace('+', '%2B')}&limit=5")) == 2
    assert len(sdk(root).json(f"/tasks.json?from={sent}")) == 2


def test_a_script_signs_in_and_out(world: World, nobody: Asker, alice: User) -> None:
    answer = nobody.post("/login.json", {"username": "alice", "password": password_of("alice")})
    assert answer.status_code == 200, answer.content
    found = told(answer)
    assert found["user"] == {"id": alice.pk, "login": "alice", "email": "alice@example.org"}
    assert found["status"] == "success" and Token.objects.get(user=alice).until is not None
    token = found["token"]
    assert Asker(bearer(token)).get("/apps.json").status_code == 200
    assert Asker({"X-API-Key": token}).get("/apps.json").status_code == 200
    assert told(nobody.post("/logout", {"token": token}))["status"] == "success"
    assert Asker(bearer(token)).get("/apps.json").status_code == 401
    assert nobody.post("/logout", {"token": token}).status_code == 401
    assert nobody.post("/logout").status_code == 400

    by_header = told(Asker(basic(alice)).get("/login.json"))["token"]
    assert Asker(bearer(by_header)).post("/logout.json").status_code == 200
    assert Asker(bearer(by_header)).get("/apps.json").status_code == 401


def test_signing_in_wrongly(world: World, nobody: Asker, alice: User, settings: Any) -> None:
    for body, status in (
        ({}, 400),
        ({"username": "alice"}, 400),
        ({"username": "alice", "password": "wrong"}, 401),
        ({"login": "nobody", "password": "wrong"}, 401),
    ):
        answer = nobody.post("/login.json", body)
        assert answer.status_code == status and told(answer)["status"] == "error"
    wrong, unknown = (nobody.post("/login.json", {"login": one, "password": "x"}) for one in ("alice", "unknown"))
    assert told(wrong)["message"] == told(unknown)["message"]
    query = "?username=alice&password=" + "alice%27s%20pass%3Aword%20%C5%BE"
    assert nobody.get(f"/login.json{query}").status_code == 400
    assert nobody.post(f"/login.json{query}").status_code == 400
    settings.API_TOKEN_IN_QUERY = True
    assert nobody.get(f"/login.json{query}").status_code == 200
    User.objects.filter(pk=alice.pk).update(enabled=False)
    assert nobody.post("/login.json", {"login": "alice", "password": password_of("alice")}).status_code in (401, 403)


def test_the_password_alone_makes_no_token_where_there_is_a_second_factor(
    nobody: Asker, ring: None, alice: User
) -> None:
    with_second_factor(alice)
    told_by = {"username": "alice", "password": password_of("alice")}
    assert nobody.post("/login.json", told_by).status_code == 401
    assert Asker(basic(alice)).get("/login.json").status_code == 401
    assert not Token.objects.exists()


def test_a_session_makes_no_token_by_looking_at_an_address(ring: None, client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert client.get(f"{BASE}/login.json").status_code == 400
    assert not Token.objects.exists()


def test_a_page_of_the_original_switches_a_template(world: World, alice: User, settings: Any) -> None:
    """Session cookie; unsafe methods need the CSRF token."""
    page = Client(enforce_csrf_checks=True)
    page.force_login(alice)
    path = f"{BASE}/runtemplate/{world.acme.template.pk}.json"
    body = json.dumps({"id": str(world.acme.template.pk), "active": 0})
    assert page.get(f"{BASE}/app/{world.app.pk}.json").status_code == 200
    refused = page.post(path, body, content_type="application/json")
    assert refused.status_code == 403 and json.loads(refused.content)["error"]
    page.cookies["csrftoken"] = "a" * 32
    accepted = page.post(path, body, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert accepted.status_code == 201


def test_a_token_of_one_company(world: World, root: User) -> None:
    ask = Asker(bearer(a_token(root, company_ids=[world.acme.company.pk])))
    assert [row["id"] for row in ask.json("/companies.json")] == [world.acme.company.pk]
    assert ask.get(f"/runtemplate/{world.globex.template.pk}.json").status_code == 404


@pytest.mark.parametrize("prefix", ["", "/multiflexi"])
def test_pictures_need_no_account(world: World, prefix: str) -> None:
    client = Client()
    for path in (
        f"/appimage.php?uuid={world.app.uuid}",
        "/appimage.php?uuid=nonsense",
        f"/companylogo.php?id={world.acme.company.pk}",
        "/companylogo.php?id=99999999999999999999",
        f"/credentialimage.php?id={world.acme.ids['credential']}",
        "/credentialimage.php",
    ):
        answer = client.get(prefix + path)
        assert answer.status_code == 200, path
        known = path == f"/appimage.php?uuid={world.app.uuid}"
        assert answer["Content-Type"] == ("image/png" if known else "image/svg+xml")
        assert answer["Cache-Control"] == "private, max-age=86400"
        assert (
            answer["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in answer["Content-Security-Policy"]
        )
        assert client.get(prefix + path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
